"""Faults that are made not to bite are not taken for faults."""

from pathlib import Path
from typing import Any

import pytest

from harness.chaos import Chaos, ChaosError
from harness.chaos._toxic import Toxic
from harness.history import Fault as FaultEvent

from .conftest import states
from .fake_stack import FakeStack

UNSEEN = ["asked", "injected", "unverified", "healing", "healed"]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What will never be seen need not be looked for as long as usual."""
    monkeypatch.setattr("harness.chaos._verify.PATIENCE", 0.3)
    monkeypatch.setattr("harness.chaos._verify_nodes.PATIENCE", 0.3)


@pytest.mark.parametrize(
    ("name", "params"), [("cut", {}), ("blackhole", {}), ("delay", {"latency": "200ms"})]
)
def test_a_proxy_that_nobody_uses(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent], name: str, params: dict[str, Any]
) -> None:
    stack.aside["gate-visa"] = stack.address("visa")
    with chaos.fault(name, link="gate-visa", **params) as injection:
        assert not injection.verified
        assert "gate-visa: answered in" in injection.detail
        assert "where it should be" in injection.detail
    assert states(events) == UNSEEN


def test_a_toxic_that_was_removed_behind_our_back(chaos: Chaos, stack: FakeStack) -> None:
    add = stack.toxics.add_toxic
    server = chaos._links._server

    def add_and_remove(name: str, toxic: Toxic, toxic_name: str) -> None:
        add(name, toxic, toxic_name)
        stack.toxics.renew(name, [toxic_name], enable=True)

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
    assert not stack.toxics.proxies()["gate-visa"].enabled, "left as it was found"


def test_a_proxy_that_was_enabled_again_meanwhile_stays_enabled(
    chaos: Chaos, stack: FakeStack
) -> None:
    stack.toxics.disable("gate-visa")
    injection = chaos.fault("blackhole", link="gate-visa")
    stack.toxics.enable("gate-visa")
    injection.heal()
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_a_fault_under_another_says_so(chaos: Chaos) -> None:
    chaos.cut("gate-visa")
    injection = chaos.fault("delay", link="gate-visa", latency="100ms")
    assert not injection.verified
    assert "other faults of this run are on it" in injection.detail


def test_one_link_of_many_is_enough(chaos: Chaos, stack: FakeStack) -> None:
    stack.aside["gate-visa"] = stack.address("visa")
    with chaos.fault("cut", site="center") as injection:
        assert not injection.verified
        assert injection.detail.startswith("gate-visa: ")


def test_a_fault_that_is_elsewhere_too(chaos: Chaos, stack: FakeStack) -> None:
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


def test_a_server_that_never_speaks_cannot_be_told_from_a_blackhole(chaos: Chaos) -> None:
    with chaos.fault("blackhole", link="border-queue") as injection:
        assert not injection.verified


def test_a_limit_that_no_answer_reaches(chaos: Chaos) -> None:
    with chaos.fault("limit", link="gate-visa", bytes=10_000_000) as injection:
        assert not injection.verified


def test_a_kill_that_kills_nobody(processes: FakeStack, tmp_path: Path) -> None:
    processes.kill = lambda service: None  # type: ignore[method-assign]
    with Chaos(processes, tmp_path) as chaos, chaos.fault("kill", service="gate") as injection:
        assert not injection.verified
        assert injection.detail.startswith("gate: running, answered in")
    del processes.kill


def test_a_link_without_a_proxy_is_refused_and_nothing_is_left(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    stack.toxics.destroy("gate-visa")
    with pytest.raises(ChaosError, match="has no proxy for gate-visa; was it restarted"):
        chaos.fault("cut", site="center")
    assert states(events) == ["asked", "unverified", "healed"]
    assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
    assert chaos.active == ()


def test_a_change_that_fails_half_way_is_taken_back(
    chaos: Chaos, stack: FakeStack, events: list[FaultEvent]
) -> None:
    add = chaos._links._server.add_toxic

    def add_but_to_one(name: str, toxic: Toxic, toxic_name: str) -> None:
        if name == "gate-visa":
            raise ChaosError("no")
        add(name, toxic, toxic_name)

    chaos._links._server.add_toxic = add_but_to_one  # type: ignore[method-assign]
    with pytest.raises(ChaosError, match=r"blackhole on gate-border.*could not be injected: no"):
        chaos.fault("blackhole", site="center")
    assert states(events) == ["asked", "unverified", "healing", "healed"]
    assert not any(stack.toxics.toxics(link) for link in stack.links)
