"""A load shared among workers on loopback: who gets what, what is recorded, how it ends."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from harness.errors import StackError, WorkerLostError
from harness.history import Generator, Invoke, Ok, Unknown, merge, read_lines
from harness.load import DistributedLoad, LocalWorkers
from harness.load._process import locust_arguments

from .conftest import alive, config, until
from .server import Server

pytestmark = pytest.mark.stack


@pytest.fixture
def workers(tmp_path: Path) -> LocalWorkers:
    """Two worker processes, not yet started."""
    return LocalWorkers(tmp_path, 2)


@pytest.fixture
def load(tmp_path: Path, workers: LocalWorkers) -> Iterator[DistributedLoad]:
    """A load shared among them; nothing of it is left after the test."""
    shared = DistributedLoad(tmp_path, workers)
    shared.start()
    try:
        yield shared
    finally:
        shared.stop()
        assert not [pid for pid in pids(workers).values() if alive(pid)]


def pids(workers: LocalWorkers) -> dict[str, int]:
    return {name: process.pid for name, process in workers._processes.items()}


def part(run: Path, worker: int) -> list[Any]:
    return list(read_lines(run / "parts" / f"load-{worker}.jsonl"))


def carry_out(load: DistributedLoad, epoch: float | None = None) -> None:
    load.ready(60)
    load.go(time.time() if epoch is None else epoch)
    until(lambda: load.poll() is not None)


STEPS = [f"GET /status/{n}" for n in range(200, 220)]


def test_each_arrival_belongs_to_one_worker_the_same_for_the_same_seed(
    load: DistributedLoad, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, *STEPS))
    carry_out(load)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        "load-0.jsonl",
        "load-1.jsonl",
    ]
    shares = [
        [event.op for event in part(tmp_path, worker) if isinstance(event, Invoke)]
        for worker in range(2)
    ]
    assert shares == [STEPS[0::2], STEPS[1::2]]
    assert server.seen == {f"/status/{n}": 1 for n in range(200, 220)}


def test_the_record_is_complete_and_merges_by_time(
    load: DistributedLoad, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, params={"steps": ["GET /ok"], "each": 400}, duration=1.5))
    carry_out(load)
    events = merge(sorted((tmp_path / "parts").iterdir()))
    assert [event.t for event in events] == sorted(event.t for event in events)
    asked = [event for event in events if isinstance(event, Invoke)]
    answered = {event.id for event in events if isinstance(event, Ok)}
    assert len(asked) == 400
    assert {event.id for event in asked} == answered
    assert {event.id.partition("-")[0] for event in asked} == {"0", "1"}
    assert [event.actor for event in sorted(asked, key=lambda event: event.due)] == [
        f"actor-{n}" for n in range(400)
    ]
    last = [event for event in events if isinstance(event, Generator) and event.state != "running"]
    assert sorted((event.worker, event.state) for event in last) == [
        ("0", "finished"),
        ("1", "finished"),
    ]


@pytest.mark.parametrize(
    ("number", "how"),
    [(signal.SIGKILL, "exit code -9"), (signal.SIGTERM, "stopped from outside")],
)
def test_a_worker_that_dies_ends_the_load_and_is_named(
    load: DistributedLoad,
    workers: LocalWorkers,
    server: Server,
    tmp_path: Path,
    *,
    number: signal.Signals,
    how: str,
) -> None:
    load.configure(config(server, "GET /ok", "GET /ok", "GET /hang", duration=60.0, floor=60.0))
    load.ready(60)
    load.go(time.time() - 41)
    server.await_seen("/ok", 2)
    server.await_seen("/hang", 1)
    os.kill(pids(workers)["load-worker-1"], number)
    with pytest.raises(WorkerLostError, match=f"load-worker-1.*{how}"):
        until(lambda: load.poll() is not None)
    load.stop()
    assert part(tmp_path, 1)[-1].state == "died"
    # The other one, which lives, completes its record.
    assert [type(event) for event in part(tmp_path, 0)[-2:]] == [Unknown, Generator]


def test_a_worker_without_heartbeats_ends_the_load_and_is_named(
    load: DistributedLoad, workers: LocalWorkers, server: Server
) -> None:
    load.configure(config(server, *STEPS, duration=120.0))
    load.ready(60)
    load.go(time.time())
    os.kill(pids(workers)["load-worker-0"], signal.SIGSTOP)
    try:
        with pytest.raises(
            WorkerLostError,
            match=r"load worker 0 \(load-worker-0\) has disappeared: it sends no",
        ):
            until(lambda: load.poll() is not None)
    finally:
        os.kill(pids(workers)["load-worker-0"], signal.SIGCONT)


def test_workers_end_when_the_master_is_killed(
    load: DistributedLoad, workers: LocalWorkers, server: Server
) -> None:
    load.configure(config(server, *STEPS, duration=120.0))
    load.ready(60)
    load.go(time.time())
    server.await_seen("/status/200", 1)
    assert load._master is not None
    assert load._master.pid is not None
    os.kill(load._master.pid, signal.SIGKILL)
    with pytest.raises(StackError, match=r"exit code -9"):
        until(lambda: load.poll() is not None)
    until(lambda: not any(alive(pid) for pid in pids(workers).values()))


def test_a_worker_ends_if_its_master_dies_before_the_first_heartbeat(
    workers: LocalWorkers,
) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as master:
        master.rcvtimeo = 30_000
        port = str(master.bind_to_random_port("tcp://127.0.0.1"))
        words = ["--worker", "--master-host", "127.0.0.1", "--master-port", port]
        workers.start([*locust_arguments(), *words])
        try:
            known: set[bytes] = set()
            while len(known) < workers.count:
                node, _ = master.recv_multipart()
                if node not in known:
                    taken = msgspec.msgpack.encode(("ack", {"index": len(known)}, node.decode()))
                    master.send_multipart([node, taken])
                    known.add(node)
            until(lambda: not any(alive(pid) for pid in pids(workers).values()))
            assert all("exit code 4" in how for how in workers.ended())
        finally:
            workers.stop()
