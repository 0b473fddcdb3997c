"""The contract of a load, for a single process and for several workers."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import StackError, UsageError
from harness.history import Generator, Invoke, Ok, Unknown
from harness.load import DistributedLoad, LoadProcess, LocalWorkers, RunLoad

from .conftest import config, recorded, until
from .server import Server

pytestmark = pytest.mark.stack


@pytest.fixture(params=["alone", "shared"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunLoad]:
    """A load, started."""
    one: RunLoad = (
        LoadProcess(tmp_path)
        if request.param == "alone"
        else DistributedLoad(tmp_path, LocalWorkers(tmp_path, 2))
    )
    one.start()
    try:
        yield one
    finally:
        one.stop()


def test_nothing_is_sent_before_the_run_begins(load: RunLoad, server: Server) -> None:
    load.configure(config(server, "GET /ok", "GET /ok"))
    load.ready(60)
    assert server.seen == {}
    epoch = time.time() + 0.5
    load.go(epoch)
    server.await_seen("/ok", 1)
    assert time.time() >= epoch


def test_each_generator_reports_its_state_and_its_end(
    load: RunLoad, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "GET /ok", duration=2.5))
    load.ready(60)
    load.go(time.time())
    until(lambda: load.poll() is not None)
    for worker in range(max(1, load.workers)):
        events = events_of(worker, tmp_path)
        assert {event.state for event in events[:-1]} == {"running"}
        assert events[-1].state == "finished"
        assert all(0 <= event.cpu <= 1 for event in events)


def test_wrong_journeys_are_the_users_mistake(load: RunLoad, server: Server) -> None:
    load.configure(config(server, params={"steps": [], "wrong": "x"}))
    with pytest.raises(UsageError, match=r"^load.params: wrong: x is not known; leave it out$"):
        load.ready(60)


def test_a_bug_in_a_journey_ends_the_load_with_a_message(
    load: RunLoad, server: Server, tmp_path: Path
) -> None:
    steps = ("GET /hang", "GET /after/hang, raise")  # or another worker's bug might come first
    load.configure(config(server, *steps, duration=30.0, floor=60.0))
    load.ready(60)
    load.go(time.time() - 20)
    raised = re.escape("journey 'journey' of actor-1 raised LookupError: a bug in a journey")
    with pytest.raises(StackError, match=raised):
        until(lambda: load.poll() is not None)
    events = [event for event in recorded(tmp_path) if isinstance(event, Invoke | Ok | Unknown)]
    assert [type(event) for event in events if event.op == "GET /hang"] == [Invoke, Unknown]
    assert [type(event) for event in events if event.op == "GET /after/hang"] == [Invoke, Ok]
    assert isinstance(recorded(tmp_path)[-1], Generator)


def test_stopping_completes_every_part(load: RunLoad, server: Server, tmp_path: Path) -> None:
    load.configure(config(server, "GET /hang", "POST /hang", duration=60.0, floor=60.0))
    load.ready(60)
    load.go(time.time() - 40)
    server.await_seen("/hang", 2)
    load.stop()
    events = recorded(tmp_path)
    said = [event.error for event in events if isinstance(event, Unknown)]
    assert said == ["the load generator ended before the answer came"] * 2
    for worker in range(max(1, load.workers)):
        assert events_of(worker, tmp_path)[-1].state == "stopped"


def events_of(worker: int, run: Path) -> list[Generator]:
    """The generator events of `worker`."""
    events = (event for event in recorded(run) if isinstance(event, Generator))
    return [event for event in events if event.worker == str(worker)]
