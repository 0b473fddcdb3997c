"""The append-only record of one run, and the only thing that a check sees.

    history = History.read(Path("runs/pdns2_2024"))
    for request in history.requests: ...
    for fault in history.faults: ...

See `_events` for what can happen, `_files` for how it is kept, `_lines` for what services say.
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

__all__ = [
    "AnyEvent",
    "Called",
    "Completion",
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
