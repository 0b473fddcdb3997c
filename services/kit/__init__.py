"""What every service is made from: clock, log, world, and the parts that callers share."""

from ._app import ApiError, error_reply, frame, gauge, read_body, reply
from ._clock import Clock, PacedClock
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
from ._page import page_reply, read_numbered_page, read_page
from ._sqlite import SqliteJournal
from ._world import World, deploy, process_world

__all__ = [
    "ApiError",
    "Clock",
    "Counts",
    "Journal",
    "JournalConflictError",
    "JournalError",
    "JournalFullError",
    "Log",
    "MemoryJournal",
    "PacedClock",
    "Record",
    "Settled",
    "SqliteJournal",
    "World",
    "deploy",
    "error_reply",
    "frame",
    "gauge",
    "json_log",
    "page_reply",
    "process_world",
    "read_body",
    "read_numbered_page",
    "read_page",
    "reply",
]
