"""Every fault type of links on a real link, on every backend: verified and healed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.chaos import FAULT_TYPES, Chaos, LinkFault
from harness.chaos._probe import probe
from harness.chaos._probe_protocol import ProbeOptions
from harness.chaos.probes import HttpProtocol
from harness.history import Fault as FaultEvent

from .conftest import AnyStack, states

VERIFIED_AND_HEALED = ["asked", "injected", "verified", "healing", "healed"]

PARAMS: list[tuple[str, dict[str, object]]] = [
    ("cut", {}),
    ("blackhole", {}),
    ("delay", {"latency": "300ms", "jitter": "50ms"}),
    ("delay", {"latency": "100ms", "jitter": "100ms"}),
    ("throttle", {"rate": 20}),
    ("throttle", {"rate": 1}),
    ("reset", {}),
    ("reset", {"after": "100ms"}),
    ("lose_replies", {}),
    ("slow_close", {"delay": "200ms"}),
    ("slice", {"size": 100, "delay": "20ms"}),
    ("slice", {"size": 20, "variation": 10, "delay": "30ms"}),
    ("limit", {"bytes": 0}),
]


@pytest.fixture
def chaos(any_stack: AnyStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    """Yield a `Chaos` on that stack."""
    with Chaos(any_stack, tmp_path, emit=events.append) as made:
        yield made


def test_every_link_fault_type_is_tested() -> None:
    assert {name for name, type_ in FAULT_TYPES.items() if issubclass(type_, LinkFault)} == {
        name for name, _ in PARAMS
    }


@pytest.mark.parametrize("link", ["gate-visa", "visa-database"])
@pytest.mark.parametrize(("name", "params"), PARAMS)
def test_it_is_verified_and_healed(  # noqa: PLR0917
    chaos: Chaos,
    any_stack: AnyStack,
    events: list[FaultEvent],
    name: str,
    params: dict[str, Any],
    link: str,
) -> None:
    with chaos.fault(name, link=link, **params) as injection:
        assert injection.verified, injection.detail
        assert link in injection.detail
    assert states(events) == VERIFIED_AND_HEALED
    assert any_stack.toxics.toxics(link) == ()
    assert any_stack.toxics.proxies()[link].enabled


@pytest.mark.parametrize("limit", [100, 1000, 5000])
def test_a_limit_is_verified_if_several_answers_are_needed_to_exceed_it(
    chaos: Chaos, limit: int
) -> None:
    with chaos.fault("limit", link="gate-visa", bytes=limit) as injection:
        assert injection.verified, injection.detail


def test_callers_of_a_cut_link_are_refused(chaos: Chaos, any_stack: AnyStack) -> None:
    def outcome() -> str:
        return probe(
            any_stack.link_address("gate-visa"), HttpProtocol("/health"), ProbeOptions()
        ).outcome

    assert outcome() == "answered"
    with chaos.cut("gate-visa"):
        assert outcome() == "refused"
    assert outcome() == "answered"


@pytest.mark.parametrize("name", ["cut", "blackhole", "delay"])
def test_a_site_is_one_target(chaos: Chaos, events: list[FaultEvent], name: str) -> None:
    params = {"latency": "200ms"} if name == "delay" else {}
    with chaos.fault(name, site="center", **params) as injection:
        assert injection.verified, injection.detail
        assert injection.detail.startswith("3 links ")
        assert injection.detail.endswith(" is as before")
    assert events[0].targets == ("gate-border", "gate-visa", "desk-border")
    assert states(events) == VERIFIED_AND_HEALED


def test_a_cut_of_a_link_to_a_silent_server_is_verified(chaos: Chaos) -> None:
    with chaos.cut("border-queue") as injection:
        assert injection.verified, injection.detail


def test_faults_can_be_verified_at_a_high_pace(any_stack: AnyStack, tmp_path: Path) -> None:
    with Chaos(any_stack, tmp_path, pace=3600) as chaos:
        for name, params in (("delay", {"latency": "2s"}), ("throttle", {"rate": 64})):
            with chaos.fault(name, link="gate-visa", **params) as injection:
                assert injection.verified, injection.detail
