"""The append-only record of one run, and the only input of a check.

    history = History.read(Path("runs/payment_outage"))
    for request in history.requests: ...
    for fault in history.faults: ...

`_events` defines the events, `_files` how they are stored, `_lines` how services log them, and
`_state` what is known of a run after the events so far.
"""

from ._events import (
    AnyEvent,
    Called,
    Completion,
    Ended,
    Event,
    Fail,
    Fault,
    FaultState,
    Gauge,
    Generator,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Notice,
    Ok,
    Phase,
    Plan,
    Read,
    Stage,
    Started,
    Unknown,
)
from ._files import Writer, count_damaged, damaged, decode, encode, merge, read_lines, write_history
from ._history import FaultSpan, History, Request, Span
from ._lines import parse_line
from ._modes import CurrentModes
from ._state import RequestCounts, RunState

__all__ = [
    "AnyEvent",
    "Called",
    "Completion",
    "CurrentModes",
    "Ended",
    "Event",
    "Fail",
    "Fault",
    "FaultSpan",
    "FaultState",
    "Gauge",
    "Generator",
    "History",
    "Invoke",
    "LogEvent",
    "Mode",
    "Node",
    "Notice",
    "Ok",
    "Phase",
    "Plan",
    "Read",
    "Request",
    "RequestCounts",
    "RunState",
    "Span",
    "Stage",
    "Started",
    "Unknown",
    "Writer",
    "count_damaged",
    "damaged",
    "decode",
    "encode",
    "merge",
    "parse_line",
    "read_lines",
    "write_history",
]
