"""Every kind of node fault on a real process, on every backend that has such a kind."""

from pathlib import Path

import pytest

from harness.chaos import FAULT_TYPES, Chaos, ContainerFault, NodeFault
from harness.chaos._nodes import levels
from harness.history import Fault as FaultEvent

from .conftest import AnyStack, states
from .fake_stack import SPEC, FakeStack

KINDS_OF_NODES = ["kill", "stop", "pause", "restart"]
KINDS_OF_CONTAINERS = ["disconnect", "starve", "fill"]  # tried in test_container_faults


def test_every_kind_is_tried() -> None:
    kinds = {name for name, kind in FAULT_TYPES.items() if issubclass(kind, NodeFault)}
    assert kinds == {*KINDS_OF_NODES, *KINDS_OF_CONTAINERS}
    assert {name for name in kinds if issubclass(FAULT_TYPES[name], ContainerFault)} == set(
        KINDS_OF_CONTAINERS
    )


@pytest.mark.parametrize("name", KINDS_OF_NODES)
def test_it_is_seen_to_bite_and_to_be_gone(
    nodes: AnyStack, tmp_path: Path, events: list[FaultEvent], name: str
) -> None:
    with Chaos(nodes, tmp_path, emit=events.append) as chaos:
        with chaos.fault(name, service=["border", "gate"]) as injection:
            assert injection.verified, injection.detail
        assert states(events) == ["asked", "injected", "verified", "healing", "healed"]
        assert {status.state for status in nodes.status()} == {"running"}


def test_a_hard_restart_kills(processes: FakeStack, tmp_path: Path) -> None:
    with Chaos(processes, tmp_path) as chaos, chaos.fault("restart", service="gate", hard=True):
        assert processes.log[-2:] == ["kill gate", "launch gate"]


def test_a_killed_service_is_started_once_the_last_fault_that_wants_it_down_is_healed(
    processes: FakeStack, tmp_path: Path
) -> None:
    with Chaos(processes, tmp_path) as chaos:
        first = chaos.pause("gate")
        second = chaos.kill("gate")
        assert second.verified, second.detail
        first.heal()
        assert "launch gate" not in processes.log[2:]
        second.heal()
        assert processes.log[-1] == "launch gate"


def test_a_service_that_was_paused_before_it_was_killed_is_paused_again(
    processes: FakeStack, tmp_path: Path
) -> None:
    with Chaos(processes, tmp_path) as chaos:
        chaos.pause("gate")
        chaos.kill("gate").heal()
        assert processes.log[-2:] == ["launch gate", "pause gate"]


@pytest.mark.parametrize("name", ["cut", "blackhole"])
def test_a_link_to_a_service_that_the_scenario_paused_can_be_faulted(
    nodes: AnyStack, tmp_path: Path, name: str
) -> None:
    with Chaos(nodes, tmp_path) as chaos:
        chaos.pause("border")
        injection = chaos.fault(name, link="gate-border")
        assert injection.verified, injection.detail
        assert "border paused by another step" in injection.detail


def test_a_link_to_a_service_that_someone_else_stopped_cannot_be_told(
    processes: FakeStack, tmp_path: Path
) -> None:
    with Chaos(processes, tmp_path) as chaos:
        processes.kill("border")
        with chaos.fault("blackhole", link="gate-border") as injection:
            assert not injection.verified
            assert "border itself is refused" in injection.detail


def test_services_come_back_in_the_order_of_what_they_depend_on() -> None:
    levelled = levels(SPEC.services, ["visa", "border", "database"])
    assert levelled == [("database",), ("border", "visa")]
    assert levels(SPEC.services, ["visa"]) == [("visa",)]
