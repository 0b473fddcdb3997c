"""A stack that ends takes its faults with it: they are healed, and nothing is left to revert."""

from pathlib import Path

import pytest

from harness.chaos import Chaos
from harness.chaos._intents import outstanding
from harness.stack import GoneError, NodeStatus

from .fake_stack import FakeStack


def test_a_fault_of_a_stack_that_has_ended_is_healed(processes: FakeStack, tmp_path: Path) -> None:
    def gone(service: str) -> None:
        raise GoneError(f"{service}: its supervisor has ended")

    with Chaos(processes, tmp_path) as chaos:
        injection = chaos.pause("border", "gate")
        assert injection.verified, injection.detail
        resume, processes.resume = processes.resume, gone  # type: ignore[method-assign]
        injection.heal()
        processes.resume = resume  # type: ignore[method-assign]
    assert injection.state == "healed"
    assert "nothing is left of the fault: " in injection.detail
    assert "its supervisor has ended" in injection.detail
    assert outstanding(tmp_path) == []


def test_a_stack_that_ends_before_healing_is_verified(
    processes: FakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> list[NodeStatus]:
        raise GoneError("the supervisor has ended")

    with Chaos(processes, tmp_path) as chaos:
        injection = chaos.pause("border")
        monkeypatch.setattr(processes, "status", gone)
        injection.heal()
    assert injection.state == "healed"
    assert "the supervisor has ended" in injection.detail
