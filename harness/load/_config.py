"""The configuration of a load process: journeys, pace, addresses, and where to record."""

from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError

CONFIG = "HARNESS_LOAD"
"""Environment variable: the path of a configuration, for a locustfile started by hand."""

REPORTS = "HARNESS_LOAD_REPORTS"
"""Environment variable: the file descriptor on which a process of `LoadProcess` reports."""

WORKER = "HARNESS_WORKER"
"""Environment variable of a worker: its name; default: the name of its host."""

STACK = "HARNESS_STACK"
"""Environment variable of a worker: the directory of the journeys, if not the same as the
master's."""


class LoadConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The load of a run, or one worker's share of it."""

    journeys: str
    """The journeys module's name."""
    directory: str
    """The stack's directory, where the module is searched first.

    In a configuration file it is relative to that file."""
    addresses: dict[str, str]
    """Service -> `host:port`."""
    duration: float
    """Scenario seconds during which users arrive."""
    params: dict[str, Any] = {}
    """Passed to the module's `arrivals`."""
    seed: int = 0
    """Seed of the arrivals."""
    pace: float = 1.0
    """Scenario seconds in one wall-clock second."""
    floor: float = 5.0
    """Wall-clock seconds below which no pace shortens a request's time-out: see `time_limit`."""
    grace: float = 30.0
    """Wall-clock seconds that running journeys may take after the last arrival."""
    part: str = ""
    """The file to append events to; default: `parts/load-<worker_index>.jsonl` of the run."""
    worker_index: int = 0
    worker_count: int = 1
    """Arrival number n belongs to the worker with index n mod `worker_count`."""
    epoch: float | None = None
    """Unix time of the run's start; None: the run sends it later, or, by hand, now."""

    def time_limit(self, timeout: float) -> float:
        """Return the wall-clock seconds of a request whose time-out is `timeout` scenario seconds.

        At pace 1 it is `timeout`. The pace shortens it to `floor` at most, because a computer does
        not answer faster when the pace is higher; and not at all if it is shorter than that.
        """
        return max(timeout / self.pace, min(self.floor, timeout))


def read_config(path: Path) -> LoadConfig:
    """Read the configuration in the file `path`.

    Raises:
        UsageError: it cannot be read, or is not a valid configuration.
    """
    try:
        config = msgspec.json.decode(path.read_bytes(), type=LoadConfig)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: is not a load configuration: {error}") from error
    return msgspec.structs.replace(config, directory=str(path.parent / config.directory))
