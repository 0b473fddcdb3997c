"""The load process and its runner: the handshake, and every way in which one of them ends."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import StackError
from harness.history import Fail, Generator, Invoke, Ok, Unknown
from harness.load import LoadProcess

from .conftest import JOURNEYS, alive, config, recorded, until
from .server import Server

pytestmark = pytest.mark.stack


def test_arrivals_are_on_time_and_nothing_is_sent_before_the_run_begins(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "GET /ok", params={"steps": ["GET /ok"], "each": 20}, pace=2.0))
    load.ready(60)
    assert server.seen == {}
    epoch = time.time() + 0.5
    load.go(epoch)
    assert load.poll() is None
    assert load.wait(60) == 0
    invoked = [event for event in recorded(tmp_path) if isinstance(event, Invoke)]
    assert [event.due for event in invoked] == pytest.approx([n / 40 for n in range(20)])
    assert all(event.t >= event.due for event in invoked)
    assert [event.actor for event in invoked] == [f"actor-{n}" for n in range(20)]
    assert time.time() - epoch >= 0.5  # the whole duration, at pace 2


def test_a_slow_system_does_not_slow_arrivals(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, params={"steps": ["GET /hang"], "each": 300}, floor=60.0))
    load.ready(60)
    load.go(time.time())
    server.await_seen("/hang", 300)  # each has a connection of its own by then
    load.stop()
    assert sum(isinstance(event, Invoke) for event in recorded(tmp_path)) == 300
    assert sum(isinstance(event, Unknown) for event in recorded(tmp_path)) == 300


def test_pauses_pass_at_the_pace_and_move_what_is_due(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "GET /ok, pause 40, GET /ok", pace=100.0))
    load.ready(60)
    load.go(time.time())
    load.wait(60)
    (first, answer, second, _) = (
        event for event in recorded(tmp_path) if not isinstance(event, Generator)
    )
    assert isinstance(first, Invoke)
    assert isinstance(answer, Ok)
    assert isinstance(second, Invoke)
    assert second.due == pytest.approx(answer.t + 0.4, abs=0.05)
    assert second.t >= second.due


def test_journeys_that_outlast_the_grace_are_ended_and_unknown(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "GET /hang", duration=0.1, floor=60.0, grace=0.2))
    load.ready(60)
    load.go(time.time())
    assert load.wait(60) == 0
    events = recorded(tmp_path)
    assert [type(event) for event in events] == [Invoke, Unknown, Generator]
    assert isinstance(events[-1], Generator)
    assert events[-1].state == "finished"


def test_an_unknown_service_ends_the_load_with_a_message(load: LoadProcess, server: Server) -> None:
    load.configure(config(server, "GET elsewhere/ok", duration=30.0))
    load.ready(60)
    load.go(time.time())
    with pytest.raises(StackError, match="'elsewhere', which is no service of this stack"):
        load.wait(60)


def test_the_error_of_a_process_that_dies_early_has_its_last_log_lines(tmp_path: Path) -> None:
    load = LoadProcess(tmp_path)
    load.start()
    try:
        assert load.pid is not None
        os.kill(load.pid, signal.SIGKILL)
        with pytest.raises(StackError, match=r"ended early \(exit code -9\): .*load.log"):
            load.ready(60)
    finally:
        load.stop()


def test_not_being_ready_in_time_is_an_error(load: LoadProcess) -> None:
    with pytest.raises(StackError, match=r"not ready after 0\.1 s"):
        load.ready(0.1)


def test_sigterm_completes_the_record(load: LoadProcess, server: Server, tmp_path: Path) -> None:
    load.configure(config(server, "POST /hang", "POST /ok", duration=60.0, floor=60.0))
    load.ready(60)
    load.go(time.time() - 30)
    server.await_seen("/hang", 1)
    server.await_seen("/ok", 1)
    load.stop()
    events = recorded(tmp_path)
    hung = next(event for event in events if isinstance(event, Invoke) and event.op == "POST /hang")
    answers = [event for event in events if isinstance(event, Unknown) and event.id == hung.id]
    assert [answer.error for answer in answers] == [
        "the load generator ended before the answer came"
    ]
    assert isinstance(events[-1], Generator)
    assert events[-1].state == "stopped"
    assert load.poll() == 0


def test_a_load_stopped_before_it_starts_records_its_end_at_time_zero(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "GET /ok"))
    load.ready(60)
    load.stop()
    (last,) = recorded(tmp_path)
    assert isinstance(last, Generator)
    assert (last.t, last.state) == (0.0, "stopped")


def test_a_killed_process_loses_no_more_than_the_last_moment(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, params={"steps": ["GET /ok"], "each": 3000}, duration=30.0))
    load.ready(60)
    epoch = time.time()
    load.go(epoch)
    server.await_seen("/ok", 100)
    assert load.pid is not None
    os.kill(load.pid, signal.SIGKILL)
    killed = time.time() - epoch
    with pytest.raises(StackError, match="exit code -9"):
        load.wait(60)
    # Ten times what is promised: a busy machine may have kept it from running at all.
    assert recorded(tmp_path)[-1].t > killed - 1.0


def test_a_full_disk_ends_the_load_with_a_message(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, params={"steps": ["GET /ok"], "each": 3000}, duration=30.0))
    load.ready(60)
    assert load.pid is not None
    resource.prlimit(load.pid, resource.RLIMIT_FSIZE, (30_000, 30_000))
    load.go(time.time())
    with pytest.raises(StackError, match=r"load-0.jsonl: cannot be written \(File too large\)"):
        load.wait(60)
    events = recorded(tmp_path)
    assert [event.state for event in events if isinstance(event, Generator)][-1] == "died"
    assert server.seen["/ok"] < 3000


def test_running_out_of_sockets_is_not_recorded_as_a_refusal(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, params={"steps": ["GET /hang"], "each": 200}, floor=60.0))
    load.ready(60)
    assert load.pid is not None
    resource.prlimit(load.pid, resource.RLIMIT_NOFILE, (60, 60))
    load.go(time.time())
    with pytest.raises(StackError, match="out of file descriptors: raise `ulimit -n`"):
        load.wait(60)
    assert not any(isinstance(event, Fail) for event in recorded(tmp_path))


def test_it_ends_with_its_parent(server: Server, tmp_path: Path) -> None:
    conductor = subprocess.Popen(
        [sys.executable, "-c", _RUNNER, str(tmp_path), str(JOURNEYS), server.address],
        stdout=subprocess.PIPE,
    )
    assert conductor.stdout is not None
    try:
        pid = int(conductor.stdout.readline())
        server.await_seen("/hang", 1)
        conductor.kill()
        until(lambda: not alive(pid))
    finally:
        conductor.kill()
        conductor.wait()
        conductor.stdout.close()
    assert [type(event) for event in recorded(tmp_path)][-2:] == [Unknown, Generator]


_RUNNER = """
import sys, time
from pathlib import Path
from harness.load import LoadConfig, LoadProcess
run, journeys, address = sys.argv[1:]
load = LoadProcess(Path(run))
load.start()
load.configure(LoadConfig(
    journeys="journeys_of_tests", directory=journeys, addresses={"server": address},
    duration=600.0, params={"steps": ["GET /hang"]}, floor=600.0,
))
load.ready(60)
load.go(time.time())
print(load.pid, flush=True)
time.sleep(600)
"""
