"""The short run of the shop that tests end in every way, and what it has left to read."""

from contextlib import suppress
from pathlib import Path

import msgspec

from harness.history import Fault, History
from harness.run import RunErrors

SCENARIO = """
name: short
title: A cut in the middle of a short day
pace: 120
load: {journeys: customers, duration: 40m, params: {orders_per_minute: 6}}
timeline:
  - {name: gone, at: 4m, fault: cut, on: {to: pay}, for: 34m}
settle: 2h
expect: [faults_bite, quiesced]
"""


def faults(run: Path) -> list[str]:
    """The states of the faults so far."""
    with suppress(Exception):
        return [event.state for event in History.read(run).of(Fault)]
    return []


def errors(run: Path) -> RunErrors:
    return msgspec.json.decode((run / "errors.json").read_bytes(), type=RunErrors)
