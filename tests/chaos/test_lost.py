"""A verified fault that something else ends before its healing is reported as lost."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from harness.chaos import Chaos, bind
from harness.chaos._lease import mark_lapsed
from harness.history import Fault as FaultEvent
from harness.scenario import FaultStep

from .conftest import states, until
from .fake_stack import FakeStack

LOST = ["asked", "injected", "verified", "lost", "healing", "healed"]


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the interval so long that only the check before healing can notice a lost fault."""
    monkeypatch.setattr("harness.chaos._chaos._CHECK_INTERVAL", 600.0)


@pytest.fixture
def on_processes(processes: FakeStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    with Chaos(processes, tmp_path, emit=events.append) as made:
        yield made


def lost(events: list[FaultEvent]) -> list[str]:
    """Return the details of the events in state `lost`."""
    return [event.detail for event in events if event.state == "lost"]


def test_a_proxy_that_somebody_enables_is_noticed_while_the_fault_is_active(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    injection = chaos.cut("gate-visa")
    stack.toxics.enable("gate-visa")
    until(lambda: lost(events), 10)
    assert lost(events) == ["gate-visa: its proxy is enabled"]
    injection.heal()
    assert states(events) == LOST
    assert injection not in chaos.active


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(("name", "params"), [("blackhole", {}), ("delay", {"latency": "200ms"})])
def test_a_toxic_that_somebody_removes_is_noticed_before_healing(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent], name: str, params: dict[str, Any]
) -> None:
    with chaos.fault(name, link="gate-visa", **params):
        stack.toxics.remove_owned_toxics(["gate-visa"])
    assert states(events) == LOST
    assert "gate-visa: its proxy no longer has harness-" in lost(events)[0]


@pytest.mark.usefixtures("unwatched")
def test_a_lease_that_lapsed_is_noticed_before_healing(
    chaos: Chaos, events: list[FaultEvent]
) -> None:
    with chaos.cut("gate-visa"):
        mark_lapsed(chaos.directory)
    assert states(events) == LOST
    assert lost(events) == ["the watchdog or `harness heal` has healed it"]


@pytest.mark.usefixtures("unwatched")
def test_a_lease_that_is_gone_is_noticed_before_healing(
    chaos: Chaos, events: list[FaultEvent]
) -> None:
    with chaos.cut("gate-visa"):
        (chaos.directory / "lease").unlink()
    assert states(events) == LOST
    assert "is gone" in lost(events)[0]


def test_the_end_of_the_watchdog_is_noticed(chaos: Chaos, events: list[FaultEvent]) -> None:
    chaos.cut("gate-visa")
    assert chaos._watchdog is not None
    chaos._watchdog.kill()
    until(lambda: lost(events), 10)
    assert lost(events) == ["the watchdog has ended with exit code -9"]


@pytest.mark.usefixtures("unwatched")
@pytest.mark.parametrize(
    ("name", "state"), [("pause", "running, where it should be paused"), ("kill", "running")]
)
def test_a_service_that_somebody_brings_back_is_noticed(
    on_processes: Chaos, processes: FakeStack, events: list[FaultEvent], name: str, state: str
) -> None:
    with on_processes.fault(name, service="gate"):
        (processes.resume if name == "pause" else processes.launch)("gate")
    assert states(events) == LOST
    assert f"gate: it is {state}" in lost(events)[0]


@pytest.mark.usefixtures("unwatched")
def test_each_injection_of_a_flapping_fault_is_checked(stack: FakeStack, tmp_path: Path) -> None:
    events: list[FaultEvent] = []
    stop = Event()

    def emit(event: FaultEvent) -> None:
        events.append(event)
        if event.state == "verified" and states(events).count("verified") == 2:
            stack.toxics.enable("gate-visa")
            stop.set()

    step = FaultStep.model_validate({"at": 0, "fault": "cut", "on": {"link": "gate-visa"}})
    with Chaos(stack, tmp_path, emit=emit) as chaos:
        chaos.flap(bind(step, stack.spec), on=0.01, off=0.01, stop=stop)
    assert states(events) == [*(one for one in LOST if one != "lost"), *LOST]


def test_faults_on_one_link_that_end_one_after_the_other_are_not_lost(
    chaos: Chaos, events: list[FaultEvent]
) -> None:
    delay = chaos.fault("delay", link="gate-visa", latency="100ms")
    cut = chaos.cut("gate-visa")
    delay.heal()
    cut.check_in_force()
    cut.heal()
    assert not lost(events)
