"""Every kind of link fault on a real link, on every backend: seen, and seen to be gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.chaos import FAULT_TYPES, Chaos, LinkFault
from harness.chaos._canary import look
from harness.chaos._speech import Ask, Http
from harness.history import Fault as FaultEvent

from .conftest import AnyStack, states

LIVED = ["asked", "injected", "verified", "healing", "healed"]

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
def chaos(anywhere: AnyStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    """Faults on that stack."""
    with Chaos(anywhere, tmp_path, emit=events.append) as made:
        yield made


def test_every_kind_is_tried() -> None:
    assert {name for name, kind in FAULT_TYPES.items() if issubclass(kind, LinkFault)} == {
        name for name, _ in PARAMS
    }


@pytest.mark.parametrize("link", ["gate-visa", "visa-database"])
@pytest.mark.parametrize(("name", "params"), PARAMS)
def test_it_is_seen_to_bite_and_to_be_gone(  # noqa: PLR0917
    chaos: Chaos,
    anywhere: AnyStack,
    events: list[FaultEvent],
    name: str,
    params: dict[str, Any],
    link: str,
) -> None:
    with chaos.fault(name, link=link, **params) as injection:
        assert injection.verified, injection.detail
        assert link in injection.detail
    assert states(events) == LIVED
    assert anywhere.toxics.toxics(link) == ()
    assert anywhere.toxics.proxies()[link].enabled


@pytest.mark.parametrize("limit", [100, 1000, 5000])
def test_an_answer_is_cut_short_also_where_it_takes_many_to_reach_the_limit(
    chaos: Chaos, limit: int
) -> None:
    with chaos.fault("limit", link="gate-visa", bytes=limit) as injection:
        assert injection.verified, injection.detail


def test_what_callers_of_a_cut_link_see_is_refusal(chaos: Chaos, anywhere: AnyStack) -> None:
    def seen() -> str:
        return look(anywhere.link_address("gate-visa"), Http("/health"), Ask()).outcome

    assert seen() == "answered"
    with chaos.cut("gate-visa"):
        assert seen() == "refused"
    assert seen() == "answered"


@pytest.mark.parametrize("name", ["cut", "blackhole", "delay"])
def test_a_site_is_one_target(chaos: Chaos, events: list[FaultEvent], name: str) -> None:
    params = {"latency": "200ms"} if name == "delay" else {}
    with chaos.fault(name, site="center", **params) as injection:
        assert injection.verified, injection.detail
        assert injection.detail.startswith("3 links ")
        assert injection.detail.endswith(" is as before")
    assert events[0].targets == ("gate-border", "gate-visa", "desk-border")
    assert states(events) == LIVED


def test_a_link_to_a_server_that_says_nothing_can_be_cut(chaos: Chaos) -> None:
    with chaos.cut("border-queue") as injection:
        assert injection.verified, injection.detail


def test_at_a_pace_faults_are_short_but_can_still_be_seen(
    anywhere: AnyStack, tmp_path: Path
) -> None:
    with Chaos(anywhere, tmp_path, pace=3600) as chaos:
        for name, params in (("delay", {"latency": "2s"}), ("throttle", {"rate": 64})):
            with chaos.fault(name, link="gate-visa", **params) as injection:
                assert injection.verified, injection.detail
