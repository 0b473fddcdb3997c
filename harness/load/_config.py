"""What one load process is told: whose journeys, how fast, where to, and what to write."""

from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError

CONFIG = "HARNESS_LOAD"
"""Environment: the path of a configuration, for a locustfile that is started by hand."""

REPORTS = "HARNESS_LOAD_REPORTS"
"""Environment: the descriptor on which a process started by `LoadProcess` reports."""

WORKER = "HARNESS_WORKER"
"""Environment of a worker: what it is called; its host's name otherwise."""

STACK = "HARNESS_STACK"
"""Environment of a worker: where it has the journeys, if that is not where its master has them."""


class LoadConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The load of a run, or one worker's part of it."""

    journeys: str
    """The journeys module's name."""
    directory: str
    """The stack's directory: the module is looked for here first. In a file: seen from there."""
    addresses: dict[str, str]
    """Service -> `host:port`."""
    duration: float
    """Seconds of life during which people arrive."""
    params: dict[str, Any] = {}
    seed: int = 0
    pace: float = 1.0
    floor: float = 5.0
    """Real seconds: no request times out sooner, for a computer does not answer faster because
    the story is told faster."""
    grace: float = 30.0
    """Real seconds that journeys under way are given after the last arrival."""
    part: str = ""
    """Where events are appended; by default the run's `parts/load-<worker_index>.jsonl`."""
    worker_index: int = 0
    worker_count: int = 1
    """Arrival number n belongs to the worker with index n mod `worker_count`."""
    epoch: float | None = None
    """Unix time of the run's start; None: told later, or (without a conductor) at once."""


def read_config(path: Path) -> LoadConfig:
    """The configuration that `path` holds.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        config = msgspec.json.decode(path.read_bytes(), type=LoadConfig)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: is not a load configuration: {error}") from error
    return msgspec.structs.replace(config, directory=str(path.parent / config.directory))
