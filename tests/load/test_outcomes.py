"""Which outcome each kind of failure is recorded as, by the real process and a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.history import AnyEvent, Fail, Invoke, Ok, Unknown
from harness.load import LoadConfig, LoadProcess, classify

from .conftest import config, recorded
from .server import Server

CASES = [
    # step, outcome, status, what the error says
    ("POST /ok", Ok, 201, ""),
    ("GET /ok", Ok, 201, ""),
    ("GET /text", Ok, 200, ""),
    ("POST /status/204", Ok, 204, ""),
    ("POST /status/404", Fail, 404, "404"),
    ("POST /status/409", Fail, 409, "409"),
    ("POST /status/503", Fail, 503, "503"),
    ("POST refusing/x", Fail, 0, "refused"),
    ("GET refusing/x", Fail, 0, "refused"),
    ("POST /status/500", Unknown, 500, "500"),
    ("POST /status/504", Unknown, 504, "504"),
    ("POST /status/302", Unknown, 302, "302"),
    ("POST /hang", Unknown, 0, "timed out after 0.3 s"),
    ("GET /hang", Unknown, 0, "timed out after 0.3 s"),
    ("POST /drip", Unknown, 200, "timed out after 0.3 s"),
    ("POST /reset", Unknown, 0, "closed"),
    ("GET /reset", Unknown, 0, "closed"),
    ("POST /close", Unknown, 0, "closed"),
    ("PUT /close", Unknown, 0, "closed"),
    ("POST /cut", Unknown, 201, ""),
    ("POST /broken", Unknown, 200, "not JSON"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[AnyEvent], Server]]:
    """One load with a journey for each case, and what came of it."""
    run = tmp_path_factory.mktemp("run")
    load = LoadProcess(run)
    with Server() as server:
        load.start()
        try:
            load.configure(config(server, *(step for step, *_ in CASES)))
            load.ready(60)
            load.go(0.0)
            load.wait(60)
        finally:
            load.stop()
        yield recorded(run), server


@pytest.mark.stack
@pytest.mark.parametrize(("step", "outcome", "status", "error"), CASES)
def test_outcome_of(
    step: str, outcome: type, status: int, error: str, outcomes: tuple[list[AnyEvent], Server]
) -> None:
    events, _ = outcomes
    asked = [e for e in events if isinstance(e, Invoke) and e.input["step"] == step]
    assert len(asked) == 1
    answers = [e for e in events if isinstance(e, Ok | Fail | Unknown) and e.id == asked[0].id]
    assert [type(answer) for answer in answers] == [outcome]
    assert answers[0].status == status
    assert error in answers[0].error
    assert bool(answers[0].error) == (outcome is not Ok)
    assert answers[0].t - asked[0].t == pytest.approx(answers[0].latency, abs=0.05)


@pytest.mark.stack
def test_nothing_is_sent_twice(outcomes: tuple[list[AnyEvent], Server]) -> None:
    _, server = outcomes
    asked = [f"/{step.partition('/')[2]}" for step, *_ in CASES if "refusing" not in step]
    assert server.seen == {path: asked.count(path) for path in asked}


@pytest.mark.stack
def test_the_complete_answer_is_recorded(outcomes: tuple[list[AnyEvent], Server]) -> None:
    events, _ = outcomes
    ok = [e for e in events if isinstance(e, Ok) and e.op == "POST /ok"]
    assert [e.value["path"] for e in ok] == ["/ok"]
    refused = [e for e in events if isinstance(e, Fail) and e.op == "POST /status/503"]
    assert [e.value["path"] for e in refused] == ["/status/503"]


@pytest.mark.stack
def test_a_connection_that_was_closed_meanwhile_is_replaced_and_nothing_is_lost(
    load: LoadProcess, server: Server, tmp_path: Path
) -> None:
    load.configure(config(server, "POST /stale, pause 0.3, POST /stale, pause 0.3, POST /ok"))
    load.ready(60)
    load.go(0.0)
    load.wait(60)
    answers = [e for e in recorded(tmp_path) if isinstance(e, Ok | Fail | Unknown)]
    assert [type(answer) for answer in answers] == [Ok, Ok, Ok]
    assert server.seen == {"/stale": 2, "/ok": 1}
    assert server.connections == 3


@pytest.mark.stack
def test_connections_are_kept_alive(load: LoadProcess, server: Server) -> None:
    load.configure(config(server, ", ".join(["POST /ok"] * 20)))
    load.ready(60)
    load.go(0.0)
    load.wait(60)
    assert server.seen == {"/ok": 20}
    assert server.connections == 1


def test_an_incomplete_answer_is_never_a_refusal() -> None:
    assert {classify(status, complete=False) for status in range(600)} == {"unknown"}


def test_only_what_was_never_sent_is_a_refusal_without_an_answer() -> None:
    assert classify(0, sent=False) == "fail"
    assert classify(0, sent=True) == "unknown"


@pytest.mark.parametrize(
    ("timeout", "pace", "limit"),
    [(1, 1, 1), (60, 1, 60), (1, 0.5, 2), (60, 60, 5), (600, 60, 10), (2, 60, 2), (5, 2, 5)],
)
def test_a_request_has_the_time_it_asks_for_and_the_pace_shortens_it_to_the_floor_at_most(
    timeout: float, pace: float, limit: float
) -> None:
    given = LoadConfig(journeys="j", directory=".", addresses={}, duration=1.0, pace=pace)
    assert given.time_limit(timeout) == limit
