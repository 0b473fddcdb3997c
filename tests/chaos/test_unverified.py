"""Faults that have no effect, or whose effect cannot be proven, are unverified."""

from pathlib import Path
from typing import Any

import pytest

from harness.chaos import Chaos, ChaosError
from harness.chaos._toxic import Toxic
from harness.history import Fault as FaultEvent

from .conftest import states
from .fake_stack import FakeStack

UNVERIFIED = ["asked", "injected", "unverified", "healing", "healed"]


@pytest.fixture(autouse=True)
def _short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time-out of verifications that fail anyway."""
    monkeypatch.setattr("harness.chaos._verify_links.VERIFY_TIMEOUT", 0.3)
    monkeypatch.setattr("harness.chaos._verify_nodes.VERIFY_TIMEOUT", 0.3)


@pytest.mark.parametrize(
    ("name", "params"), [("cut", {}), ("blackhole", {}), ("delay", {"latency": "200ms"})]
)
def test_a_proxy_that_callers_bypass(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent], name: str, params: dict[str, Any]
) -> None:
    stack.bypassed["gate-visa"] = stack.address("visa")
    with chaos.fault(name, link="gate-visa", **params) as injection:
        assert not injection.verified
        assert "gate-visa: answered in" in injection.detail
        assert "where it should be" in injection.detail
    assert states(events) == UNVERIFIED


def test_a_toxic_that_another_client_removed(chaos: Chaos, stack: FakeStack) -> None:
    add = stack.toxics.add_toxic
    server = chaos._links._server

    def add_and_remove(name: str, toxic: Toxic, toxic_name: str) -> None:
        add(name, toxic, toxic_name)
        stack.toxics.recreate(name, [toxic_name], enable=True)

    server.add_toxic = add_and_remove  # type: ignore[method-assign]
    with chaos.fault("blackhole", link="gate-visa") as injection:
        assert not injection.verified
        assert "answered" in injection.detail


def test_a_toxic_on_a_proxy_that_is_disabled(chaos: Chaos, stack: FakeStack) -> None:
    stack.toxics.disable("gate-visa")
    injection = chaos.fault("blackhole", link="gate-visa")
    assert not injection.verified
    assert "gate-visa: refused, where it should be silent" in injection.detail
    injection.heal()
    assert not stack.toxics.proxies()["gate-visa"].enabled, (
        "it must stay disabled, as before the fault"
    )


def test_a_proxy_that_another_client_enabled_meanwhile_stays_enabled(
    chaos: Chaos, stack: FakeStack
) -> None:
    stack.toxics.disable("gate-visa")
    injection = chaos.fault("blackhole", link="gate-visa")
    stack.toxics.enable("gate-visa")
    injection.heal()
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_a_fault_that_another_fault_hides(chaos: Chaos) -> None:
    chaos.cut("gate-visa")
    injection = chaos.fault("delay", link="gate-visa", latency="100ms")
    assert not injection.verified
    assert "other faults of this run are on it" in injection.detail


def test_one_link_without_the_fault_makes_the_site_unverified(
    chaos: Chaos, stack: FakeStack
) -> None:
    stack.bypassed["gate-visa"] = stack.address("visa")
    with chaos.fault("cut", site="center") as injection:
        assert not injection.verified
        assert injection.detail.startswith("gate-visa: ")


def test_a_fault_that_also_affects_the_reference_link(chaos: Chaos, stack: FakeStack) -> None:
    disable = chaos._links._server.disable

    def disable_all(name: str) -> None:
        for link in stack.links:
            disable(link)

    chaos._links._server.disable = disable_all  # type: ignore[method-assign]
    injection = chaos.cut("gate-visa")
    assert not injection.verified
    assert "which the fault is not on, changed too: refused (before: answered in" in (
        injection.detail
    )
    for link in stack.links:
        stack.toxics.enable(link)


def test_a_blackhole_on_a_link_to_a_silent_server(chaos: Chaos) -> None:
    with chaos.fault("blackhole", link="border-queue") as injection:
        assert not injection.verified


def test_a_limit_above_the_size_of_every_answer(chaos: Chaos) -> None:
    with chaos.fault("limit", link="gate-visa", bytes=10_000_000) as injection:
        assert not injection.verified


def test_a_kill_without_effect(processes: FakeStack, tmp_path: Path) -> None:
    processes.kill = lambda service: None  # type: ignore[method-assign]
    with Chaos(processes, tmp_path) as chaos, chaos.fault("kill", service="gate") as injection:
        assert not injection.verified
        assert injection.detail.startswith("gate: running, answered in")
    del processes.kill


def test_a_link_without_a_proxy_is_rejected_without_changes(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    stack.toxics.destroy("gate-visa")
    with pytest.raises(ChaosError, match="has no proxy for gate-visa; was it restarted"):
        chaos.fault("cut", site="center")
    assert states(events) == ["asked", "unverified", "healed"]
    assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
    assert chaos.active == ()


def test_a_change_that_fails_half_way_is_reverted(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    add = chaos._links._server.add_toxic

    def add_except_to_one(name: str, toxic: Toxic, toxic_name: str) -> None:
        if name == "gate-visa":
            raise ChaosError("no")
        add(name, toxic, toxic_name)

    chaos._links._server.add_toxic = add_except_to_one  # type: ignore[method-assign]
    with pytest.raises(ChaosError, match=r"blackhole on gate-border.*could not be injected: no"):
        chaos.fault("blackhole", site="center")
    assert states(events) == ["asked", "unverified", "healing", "healed"]
    assert not any(stack.toxics.toxics(link) for link in stack.links)
