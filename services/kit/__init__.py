"""Building blocks that every service uses.

- `World`: a service's dependencies (clock, log, HTTP client, registry, journal), injected.
- `build_app`: the ASGI app with health, status, error handling and background tasks.
- `Client`, `Breaker`, `Upstream`: calls to other services and what is known about their state.
- `Journal`, `JournalReplayer`: durable offline records and their submission after recovery.
- `Desks`, `Mode`, `log_gauge`, paged reads.

A service is a module with `create(world)` and `app = deploy(create)`; see `services`.
"""

from ._app import ApiError, build_app, error_reply, log_gauge, read_body, reply
from ._breaker import Attempt, Breaker, BreakerOpenError, BreakerState
from ._client import Answered, Client, NotSent, Outcome, OutcomeUnknown, Refused
from ._clock import Clock, PacedClock
from ._desks import Desks, DesksClosedError
from ._journal import (
    Counts,
    Journal,
    JournalConflictError,
    JournalError,
    JournalFullError,
    MemoryJournal,
    Record,
    Settled,
)
from ._log import Log, json_log
from ._mode import Mode, ModeName
from ._page import page_reply, read_numbered_page, read_page
from ._replayer import JournalReplayer, NotAccepted, Submit
from ._sqlite import SqliteJournal
from ._upstream import Upstream, UpstreamState
from ._world import World, deploy, process_world

__all__ = [
    "Answered",
    "ApiError",
    "Attempt",
    "Breaker",
    "BreakerOpenError",
    "BreakerState",
    "Client",
    "Clock",
    "Counts",
    "Desks",
    "DesksClosedError",
    "Journal",
    "JournalConflictError",
    "JournalError",
    "JournalFullError",
    "JournalReplayer",
    "Log",
    "MemoryJournal",
    "Mode",
    "ModeName",
    "NotAccepted",
    "NotSent",
    "Outcome",
    "OutcomeUnknown",
    "PacedClock",
    "Record",
    "Refused",
    "Settled",
    "SqliteJournal",
    "Submit",
    "Upstream",
    "UpstreamState",
    "World",
    "build_app",
    "deploy",
    "error_reply",
    "json_log",
    "log_gauge",
    "page_reply",
    "process_world",
    "read_body",
    "read_numbered_page",
    "read_page",
    "reply",
]
