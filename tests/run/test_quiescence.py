"""Polling for quiescence and final reads cope with whatever a user's service answers."""

from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from harness.clock import WALL_CLOCK
from harness.history import Ended
from harness.run import _quiescence
from harness.run._quiescence import NOBODY_ASKED, await_quiescence, end_event, final_reads

from .fake_clock import FakeClock


def stack(**service: Any) -> Any:
    spec = SimpleNamespace(services={"s": SimpleNamespace(**service)})
    return SimpleNamespace(spec=spec, address=lambda _: "s:80")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a table of responses by path, which a test fills."""
    found: dict[str, Any] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=found[request.url.raw_path.decode()])

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(_quiescence, "http_client", lambda: httpx.Client(transport=transport))
    return found


def test_a_final_read_follows_the_pages_to_the_last(answers: dict[str, Any]) -> None:
    answers["/rows"] = {"items": [{"id": 1}], "next": "/rows?after=1"}
    answers["/rows?after=1"] = {"items": [{"id": 2}], "next": None}
    reads = list(final_reads(stack(reads={"rows": "/rows"}, quiescent=None), Flag(), WALL_CLOCK))
    assert [(read.items, read.complete) for read in reads] == [
        (({"id": 1},), False),
        (({"id": 2},), True),
    ]


@pytest.mark.parametrize(
    "page",
    [
        [1],
        {},
        {"items": ["a"], "next": None},
        {"items": {"a": 1}, "next": None},
        {"items": [], "next": "rows"},
        {"items": [], "next": 3},
    ],
)
def test_a_response_that_is_not_a_page_ends_that_read_with_an_error(
    answers: dict[str, Any], page: Any
) -> None:
    answers["/rows"] = page
    (read,) = final_reads(stack(reads={"rows": "/rows"}, quiescent=None), Flag(), WALL_CLOCK)
    assert "a page" in read.error
    assert not read.complete


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([1], "not a JSON object"),
        ({"quiescent": False, "backlog": 3}, "backlog 3"),
        ({}, "not quiescent"),
    ],
)
def test_a_service_that_is_not_quiescent_is_named(
    answers: dict[str, Any], answer: Any, text: str
) -> None:
    answers["/status"] = answer
    busy = await_quiescence(stack(reads={}, quiescent="/status"), Flag(), lambda: 0.0, WALL_CLOCK)
    assert busy.startswith("s ")
    assert text in busy


def test_a_stopped_run_polls_no_service() -> None:
    stop = Flag()
    stop.set()
    busy = await_quiescence(stack(reads={}, quiescent="/x"), stop, lambda: 9.0, WALL_CLOCK)
    assert "ended before" in busy


def test_polling_waits_on_the_clock_of_the_run(answers: dict[str, Any]) -> None:
    answers["/status"] = {"quiescent": False}
    clock = FakeClock()
    one = stack(reads={}, quiescent="/status")
    assert await_quiescence(one, Flag(), lambda: 60.0 - clock.now, clock)
    assert clock.now >= 60.0


def test_the_whole_time_is_waited_for_if_no_service_can_be_asked() -> None:
    clock = FakeClock()
    silent = stack(reads={}, quiescent=None)
    busy = await_quiescence(silent, Flag(), lambda: 60.0 - clock.now, clock)
    assert (busy, clock.now) == (NOBODY_ASKED, 60.0)
    assert end_event(busy) == Ended(t=0.0, quiescent=False, asked=False, reason=busy)


def test_the_end_of_a_run_says_who_was_busy() -> None:
    assert end_event("s has work") == Ended(t=0.0, quiescent=False, reason="s has work")
    assert end_event("") == Ended(t=0.0, quiescent=True)


def test_a_stopped_run_does_not_claim_that_it_waited_though_nobody_can_be_asked() -> None:
    stop = Flag()
    stop.set()
    busy = await_quiescence(stack(reads={}, quiescent=None), stop, lambda: 9.0, WALL_CLOCK)
    assert "ended before" in busy
