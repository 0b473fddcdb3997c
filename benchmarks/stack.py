"""How long the reference stack takes to be ready, on loopback and in containers, and what a run
costs beyond its scenario.
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
title: Half a minute of ordinary load
pace: 240
load:
  journeys: experiments.journeys
  duration: 40m
  params: {airports: {cgk: {flights_per_hour: 20, passengers: 10}}}
settle: 20m
expect: [quiesced]
"""


def _ready(backend: Backend) -> tuple[float, float]:
    """Real seconds to start the stack, and to stop it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        stack = backend.make_stack(read_stack(ROOT, os.environ), Path(state))
        begun = perf_counter()
        stack.start(Settings(pace=60), lines=lambda *_: None, nodes=lambda _: None)
        ready = perf_counter()
        stack.close()
        return ready - begun, perf_counter() - ready


def _print_ready(what: str, backend: Backend) -> None:
    starts, stops = zip(*(_ready(backend) for _ in range(_STARTS)), strict=True)
    print(
        f"{what:<15} {median(starts):.2f} s (median of {_STARTS}; {min(starts):.2f} to "
        f"{max(starts):.2f}); stopped {median(stops):.2f} s"
    )


def main() -> None:
    """Print the figures."""
    _print_ready("stack ready", get_backend("local"))
    try:
        _print_ready("in containers", get_backend("compose"))
    except StackError as error:
        print(f"in containers   not measured: {error}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "overhead.scenario.yaml"
        path.write_text(_SCENARIO)
        prepared = prepare(str(path), ROOT)
        begun = perf_counter()
        outcome = execute(
            prepared, backend=get_backend("local"), base=ROOT, out=Path(folder) / "run"
        )
        took = perf_counter() - begun
    length = prepared.scenario.load.duration / prepared.scenario.pace
    print(
        f"run of {length:.0f} s     {took:.2f} s, {took - length:.2f} s beyond the scenario's own ",
        end="",
    )
    print(f"length (exit {int(outcome.exit_code)})")
