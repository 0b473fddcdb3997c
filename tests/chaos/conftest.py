"""A Toxiproxy of each make, and a small stack behind it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from harness.chaos import Chaos, Toxiproxy
from harness.errors import HarnessError
from harness.history import Fault as FaultEvent

from .fake_stack import FakeStack


def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait for `condition`, which a busy machine may be slow to bring about."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"still not so after {limit} s"
        time.sleep(0.02)


def _real() -> list[str]:
    found = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
    if found is None:
        if "toxiproxy" in os.environ.get("HARNESS_REQUIRE", ""):
            pytest.fail("no toxiproxy-server, which HARNESS_REQUIRE asks for")
        pytest.skip("no toxiproxy-server; set HARNESS_TOXIPROXY")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return [found, "-host", "127.0.0.1", "-port", str(port)]


@pytest.fixture(scope="session", params=["real", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """`host:port` of a running Toxiproxy."""
    real = request.param == "real"
    command = (
        _real()
        if real
        else [sys.executable, "-m", "harness.proxy", "--host", "127.0.0.1", "--port", "0"]
    )
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        if real:
            address = f"127.0.0.1:{command[-1]}"
        else:
            address = f"127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        # Read what it logs, lest it wait for somebody to.
        reader = Thread(target=process.stdout.read, daemon=True)
        reader.start()
        until(lambda: _answers(address))
        yield address
        process.terminate()
        reader.join()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _answers(address: str) -> bool:
    toxiproxy = Toxiproxy(address)
    try:
        return bool(toxiproxy.version())
    except HarnessError:
        return False
    finally:
        toxiproxy.close()


@pytest.fixture
def stack(server: str) -> Iterator[FakeStack]:
    """Services that are threads."""
    made = FakeStack(server)
    yield made
    made.close()


@pytest.fixture
def processes(server: str) -> Iterator[FakeStack]:
    """A stack whose `border` and `gate` are processes, which can be killed."""
    made = FakeStack(server, processes=("border", "gate"))
    yield made
    made.close()


@pytest.fixture
def events() -> list[FaultEvent]:
    """What `chaos` said."""
    return []


@pytest.fixture
def chaos(stack: FakeStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    """Faults on `stack`."""
    with Chaos(stack, tmp_path, emit=events.append) as made:
        yield made


def states(events: list[FaultEvent], id_: str = "") -> list[str]:
    """The states that `events` went through."""
    return [event.state for event in events if not id_ or event.id == id_]
