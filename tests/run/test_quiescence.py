"""Final reads and questions of quiescence take whatever a user's service may answer."""

from threading import Event as Flag
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from harness.run import _settle
from harness.run._settle import await_quiescence, final_reads


def stack(**service: Any) -> Any:
    spec = SimpleNamespace(services={"s": SimpleNamespace(**service)})
    return SimpleNamespace(spec=spec, address=lambda _: "s:80")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each path answers."""
    found: dict[str, Any] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=found[request.url.raw_path.decode()])

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(_settle, "client", lambda: httpx.Client(transport=transport))
    return found


def test_pages_are_followed_to_the_last(answers: dict[str, Any]) -> None:
    answers["/rows"] = {"items": [{"id": 1}], "next": "/rows?after=1"}
    answers["/rows?after=1"] = {"items": [{"id": 2}], "next": None}
    reads = list(final_reads(stack(reads={"rows": "/rows"}, quiescent=None)))
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
def test_what_is_no_page_is_an_error_of_that_read_only(answers: dict[str, Any], page: Any) -> None:
    answers["/rows"] = page
    (read,) = final_reads(stack(reads={"rows": "/rows"}, quiescent=None))
    assert "a page" in read.error
    assert not read.complete


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([1], "no JSON object"),
        ({"quiescent": False, "backlog": 3}, "backlog 3"),
        ({}, "not quiescent"),
    ],
)
def test_who_is_not_at_rest_is_named(answers: dict[str, Any], answer: Any, text: str) -> None:
    answers["/status"] = answer
    busy = await_quiescence(stack(reads={}, quiescent="/status"), Flag(), lambda: 0.0)
    assert busy.startswith("s ")
    assert text in busy


def test_a_stopped_run_asks_nobody() -> None:
    stop = Flag()
    stop.set()
    assert "ended before" in await_quiescence(stack(reads={}, quiescent="/x"), stop, lambda: 9.0)
