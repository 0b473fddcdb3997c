"""A short scenario for the shop, and what the tests read from the folder of its run."""

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
    """Return the states of the faults so far; none while there is no readable history."""
    with suppress(Exception):
        return [event.state for event in History.read(run).of(Fault)]
    return []


def errors(run: Path) -> RunErrors:
    """Return the errors that the run has stored."""
    return msgspec.json.decode((run / "errors.json").read_bytes(), type=RunErrors)
