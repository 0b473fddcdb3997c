"""Measure the start lag of arrivals, and what the recorder costs, in one run on one machine.

    python -m benchmarks.load             about a minute

*Start lag*: 300 users arrive per second, each with one request, at a server that is too simple to
be the bottleneck; the lag is the actual minus the scheduled start. *Recorder*: the same plain
locustfile with and without `attach_recorder`, alternating. The cost is CPU time per request,
because throughput depends on what else runs on the machine. The median of the rounds is shown.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from timeit import timeit

from harness.history import Generator, Invoke, Ok, read_lines
from harness.load import LoadConfig, LoadProcess, Recorder

RATE = 300
SECONDS = 10.0
ROUNDS = 3
ROUND_S = 4

_SERVER = """
import asyncio
ANSWER = (b"HTTP/1.1 201 Created\\r\\nContent-Type: application/json\\r\\n"
          b"Content-Length: 26\\r\\n\\r\\n" + b'{"decision": "admitted..."}'[:26])

class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.pending = transport, b""
    def data_received(self, data):
        self.pending += data
        while (end := self.pending.find(b"\\r\\n\\r\\n")) >= 0:
            head = self.pending[:end].lower()
            length = 0
            if (at := head.find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\\r\\n")[0])
            if len(self.pending) < end + 4 + length:
                return
            self.pending = self.pending[end + 4 + length :]
            self.transport.write(ANSWER)

async def main():
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

_JOURNEYS = """
from harness.load import Arrival, Request

def arrivals(params, random, duration):
    at = 0.0
    while (at := at + random.expovariate(params["rate"])) < duration:
        yield Arrival(at, "buyer", f"buyer-{at}")

def buyer(actor):
    order = {"id": actor, "amount": 5, "currency": "EUR"}
    yield Request("order", "server", "POST", "/orders", json=order, input=order)

JOURNEYS = {"buyer": buyer}
"""

_PLAIN = """
import json, os, time
from pathlib import Path
from locust import FastHttpUser, events, task
from harness.load import attach_recorder

class Plain(FastHttpUser):
    host = os.environ["TARGET"]

    @task
    def order(self):
        self.client.post("/orders", json={"id": "o1"}, name="order")

@events.init.add_listener
def init(environment, **_):
    if os.environ.get("PART"):
        attach_recorder(environment, part=Path(os.environ["PART"]))

@events.test_start.add_listener
def start(**_):
    global begin
    begin = time.process_time()

@events.quitting.add_listener
def quitting(environment, **_):
    result = {"cpu": time.process_time() - begin, "requests": environment.stats.total.num_requests}
    Path(os.environ["RESULT"]).write_text(json.dumps(result))
"""


def main() -> None:
    """Print all measurements."""
    with tempfile.TemporaryDirectory() as directory, _server() as address:
        _measure_lag(Path(directory), address)
        _compare_recorder(Path(directory), address)
        _measure_event(Path(directory))


@contextmanager
def _server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _measure_lag(directory: Path, address: str) -> None:
    (directory / "bench_journeys.py").write_text(_JOURNEYS)
    run = directory / "run"
    run.mkdir()
    load = LoadProcess(run)
    begin = time.monotonic()
    load.start()
    try:
        load.configure(
            LoadConfig(
                journeys="bench_journeys",
                directory=str(directory),
                addresses={"server": address},
                duration=SECONDS,
                params={"rate": RATE},
                seed=1,
            )
        )
        load.ready(60)
        ready = time.monotonic() - begin
        load.go(time.time() + 0.2)
        load.wait(60)
    finally:
        load.stop()
    events = list(read_lines(run / "parts" / "load-0.jsonl"))
    lags = [event.t - event.due for event in events if isinstance(event, Invoke)]
    cpu = [event.cpu for event in events if isinstance(event, Generator)]
    cut = statistics.quantiles(lags, n=1000)
    print(f"load: ready after {ready:.2f} s (Locust's imports)")
    print(
        f"load: {len(lags) / SECONDS:.0f} arrivals/s, start lag p50 {cut[499] * 1e3:.1f} ms, "
        f"p99 {cut[989] * 1e3:.1f} ms, max {max(lags) * 1e3:.1f} ms, "
        f"{statistics.median(cpu):.0%} of a core"
    )


def _compare_recorder(directory: Path, address: str) -> None:
    (directory / "plain.py").write_text(_PLAIN)
    figures: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for recorded, costs in figures.items():
            costs.append(_cpu_per_request(directory, address, recorded=recorded))
    bare, recorded_cost = (statistics.median(figures[arm]) for arm in (False, True))
    print(
        f"load: recorder {recorded_cost / bare:.2f} x bare Locust in CPU per request "
        f"({bare * 1e6:.0f} -> {recorded_cost * 1e6:.0f} us; rounds "
        f"{', '.join(f'{b / a:.2f}' for a, b in zip(*figures.values(), strict=True))})"
    )


def _cpu_per_request(directory: Path, address: str, *, recorded: bool) -> float:
    """Run the locustfile once; return the seconds of CPU per request."""
    result, part = directory / "result.json", directory / "part.jsonl"
    part.unlink(missing_ok=True)
    options = f"--headless -u 10 -r 10 -t {ROUND_S} --only-summary --exit-code-on-error 0"
    subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(directory / "plain.py"), *options.split()],
        env={
            **os.environ,
            "TARGET": f"http://{address}",
            "RESULT": str(result),
            "PART": str(part) if recorded else "",
        },
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    measured = json.loads(result.read_text())
    if recorded:
        written = sum(isinstance(event, Ok) for event in read_lines(part))
        assert written == measured["requests"], (written, measured)
    return float(measured["cpu"]) / int(measured["requests"])


def _measure_event(directory: Path) -> None:
    recorder = Recorder(directory / "events.jsonl")
    event = Ok(
        t=12.345678,
        id="0-1234",
        op="counter",
        service="counter-cgk",
        latency=0.0123,
        status=200,
        value={"decision": "admitted", "path": "manual", "source": "snapshot", "waited": 150.0},
    )
    number = 200_000
    each = timeit(lambda: recorder.write(event), number=number) / number
    recorder.close()
    print(f"load: recorder {each * 1e6:.1f} us per event, disk included")


if __name__ == "__main__":
    main()
