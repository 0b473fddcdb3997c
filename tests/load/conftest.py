"""A misbehaving server, and the load process against it."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.history import AnyEvent, read_lines
from harness.load import LoadConfig, LoadProcess

from .server import Server

JOURNEYS = Path(__file__).with_name("stack")
"""Where `journeys_of_tests.py` is."""


def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait for `condition`, which a busy machine may be slow to bring about."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"still not so after {limit} s"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Return True if the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def recorded(run: Path) -> list[AnyEvent]:
    """Return the events that the load of `run` recorded, in order."""
    return [event for part in sorted((run / "parts").iterdir()) for event in read_lines(part)]


def config(server: Server, *steps: str, **changes: Any) -> LoadConfig:
    """Return a load in which each of `steps` is a journey: `GET /ok`, `POST /hang`, ..."""
    given: dict[str, Any] = {
        "journeys": "journeys_of_tests",
        "directory": str(JOURNEYS),
        "addresses": {"server": server.address, "refusing": refusing()},
        "duration": 1.0,
        "params": {"steps": list(steps)},
        "floor": 0.3,
        "grace": 20.0,
    }
    return LoadConfig(**{**given, **changes})


def refusing() -> str:
    """An address that refuses: bound, so that no other process gets it, but not listening."""
    return f"127.0.0.1:{_held[-1].getsockname()[1]}"


_held: list[socket.socket] = []
"""Filled by the fixture, so that collecting tests starts nothing."""


@pytest.fixture(scope="session", autouse=True)
def _hold() -> Iterator[None]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        _held.append(held)
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    """The server of `server.py`."""
    with Server() as one:
        yield one


@pytest.fixture
def load(tmp_path: Path) -> Iterator[LoadProcess]:
    """A load process, started."""
    process = LoadProcess(tmp_path)
    process.start()
    try:
        yield process
    finally:
        process.stop()
        assert process.pid is not None
        assert not alive(process.pid)
