"""Measure how long the reference stack takes to start, and what a run takes beyond its scenario.

    python -m benchmarks.stack

The stack is started on the local backend, and on compose if there is a Docker engine.
"""

import os
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from harness.errors import StackError
from harness.run import execute, prepare
from harness.stack import Backend, Settings, get_backend, read_stack

ROOT = Path(__file__).parents[1]
_STARTS = 5

_SCENARIO = """
name: overhead
title: Forty scenario minutes of ordinary load
pace: 240
load:
  journeys: experiments.journeys
  duration: 40m
  params: {airports: {cgk: {flights_per_hour: 20, passengers: 10}}}
settle: 20m
expect: [quiesced]
"""


def _start_and_stop(backend: Backend) -> tuple[float, float]:
    """Return the wall-clock seconds to start the stack, and to stop it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        stack = backend.make_stack(read_stack(ROOT, os.environ), Path(state))
        begin = perf_counter()
        stack.start(Settings(pace=60), lines=lambda *_: None, nodes=lambda _: None)
        ready = perf_counter()
        stack.close()
        return ready - begin, perf_counter() - ready


def _print_start(what: str, backend: Backend) -> None:
    starts, stops = zip(*(_start_and_stop(backend) for _ in range(_STARTS)), strict=True)
    print(
        f"{what:<15} {median(starts):.2f} s (median of {_STARTS}; {min(starts):.2f} to "
        f"{max(starts):.2f}); stopped {median(stops):.2f} s"
    )


def main() -> None:
    """Print all measurements."""
    _print_start("stack ready", get_backend("local"))
    try:
        _print_start("in containers", get_backend("compose"))
    except StackError as error:
        print(f"in containers   not measured: {error}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "overhead.scenario.yaml"
        path.write_text(_SCENARIO)
        prepared = prepare(str(path), ROOT)
        begin = perf_counter()
        outcome = execute(
            prepared, backend=get_backend("local"), base=ROOT, out=Path(folder) / "run"
        )
        elapsed = perf_counter() - begin
    length = prepared.scenario.load.duration / prepared.scenario.pace
    print(
        f"run of {length:.0f} s     {elapsed:.2f} s, {elapsed - length:.2f} s more than its load "
        f"(exit {int(outcome.exit_code)})"
    )
