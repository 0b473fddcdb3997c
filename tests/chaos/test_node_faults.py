"""Every fault type of services on a real process, on every backend that supports it."""

from pathlib import Path

import pytest

from harness.chaos import FAULT_TYPES, Chaos, ContainerFault, NodeFault
from harness.chaos._active_nodes import dependency_levels
from harness.history import Fault as FaultEvent

from .conftest import AnyStack, states
from .fake_stack import SPEC, FakeStack

ANYWHERE = ["kill", "stop", "pause", "restart"]
CONTAINERS_ONLY = ["disconnect", "starve", "fill"]  # tested in test_container_faults


def test_every_node_fault_type_is_tested() -> None:
    names = {name for name, type_ in FAULT_TYPES.items() if issubclass(type_, NodeFault)}
    assert names == {*ANYWHERE, *CONTAINERS_ONLY}
    assert {name for name in names if issubclass(FAULT_TYPES[name], ContainerFault)} == set(
        CONTAINERS_ONLY
    )


@pytest.mark.parametrize("name", ANYWHERE)
def test_it_is_verified_and_healed(
    nodes: AnyStack, tmp_path: Path, events: list[FaultEvent], name: str
) -> None:
    with Chaos(nodes, tmp_path, emit=events.append) as chaos:
        with chaos.fault(name, service=["border", "gate"]) as injection:
            assert injection.verified, injection.detail
        assert states(events) == ["asked", "injected", "verified", "healing", "healed"]
        assert {status.state for status in nodes.status()} == {"running"}


def test_a_hard_restart_kills_the_process(processes: FakeStack, tmp_path: Path) -> None:
    with Chaos(processes, tmp_path) as chaos, chaos.fault("restart", service="gate", hard=True):
        assert processes.log[-2:] == ["kill gate", "launch gate"]


def test_a_killed_service_starts_again_after_the_last_fault_that_keeps_it_down_is_healed(
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
def test_a_link_fault_is_verified_while_another_step_pauses_its_target(
    nodes: AnyStack, tmp_path: Path, name: str
) -> None:
    with Chaos(nodes, tmp_path) as chaos:
        chaos.pause("border")
        injection = chaos.fault(name, link="gate-border")
        assert injection.verified, injection.detail
        assert "border paused by another step" in injection.detail


def test_a_link_fault_is_unverified_if_its_target_is_down_for_another_reason(
    processes: FakeStack, tmp_path: Path
) -> None:
    with Chaos(processes, tmp_path) as chaos:
        processes.kill("border")
        with chaos.fault("blackhole", link="gate-border") as injection:
            assert not injection.verified
            assert "border itself is refused" in injection.detail


def test_services_start_in_the_order_of_their_dependencies() -> None:
    levels = dependency_levels(SPEC.services, ["visa", "border", "database"])
    assert levels == [("database",), ("border", "visa")]
    assert dependency_levels(SPEC.services, ["visa"]) == [("visa",)]
