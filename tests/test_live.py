"""Experiments written by hand: the fixtures that the README promises, on the reference system."""

import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from experiments.journeys._people import lines
from harness.errors import UsageError
from harness.history import Fault, History, Mode, Notice, Started, encode
from harness.live import LiveStack
from harness.stack import get_backend
from services.population import person

ROOT = Path(__file__).parents[1]
TRAVELLER = {
    "crossing": "X-LIVE-1A",
    "mrz": lines(person(0)),
    "flight": "ZX900",
    "direction": "arrival",
}

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    folder = tmp_path_factory.mktemp("live")
    with LiveStack.start(ROOT, folder, get_backend("local"), pace=120.0) as live:
        yield live


def eventually(condition: Callable[[], Any], limit: float = 30.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not come true in {limit} s"
        time.sleep(0.02)


def test_the_gate_closes_when_it_is_blind(live: LiveStack) -> None:
    with live.chaos.cut("autogate-cgk-border"):
        answer = live.post("autogate-cgk", "/travellers", json=TRAVELLER)
        assert answer.status_code == 503
        assert answer.json()["go_to"] == "counter-cgk"


def test_what_happened_can_be_read_while_the_stack_runs(live: LiveStack) -> None:
    since = live.seconds()
    with live.chaos.cut("counter-sub-border", "counter-sub-watchlist"):
        eventually(
            lambda: [
                event.mode
                for event in live.history(since).of(Mode)
                if event.service == "counter-sub" and event.mode == "manual"
            ]
        )
    states = [event.state for event in live.history(since).of(Fault)]
    assert states == ["asked", "injected", "verified", "healing", "healed"]
    assert isinstance(live.history(since), History)


def test_a_mode_that_began_before_is_known_at_its_beginning(tmp_path: Path) -> None:
    part = tmp_path / "harness.jsonl"
    written = [
        Started(t=0.0, scenario="live", seed=0, pace=1.0, epoch=0.0, origin="", backend="local"),
        Mode(t=3.0, service="gate", mode="manual", reason="blind"),
        Mode(t=1.0, service="gate", mode="mixed", reason="slow"),
        Mode(t=2.0, service="counter", mode="manual", reason="blind"),
        Mode(t=7.0, service="counter", mode="automatic", reason="sees"),
        Notice(t=6.0, service="gate", number=1, state="progress", texts={}),
    ]
    part.write_bytes(b"".join(encode(event) + b"\n" for event in written))
    resting = LiveStack(cast("Any", None), cast("Any", None), cast("Any", None), part)
    history = resting.history(5.0)
    assert [event.index for event in history.events] == list(range(5))
    assert [event.t for event in history.events] == [0.0, 5.0, 5.0, 6.0, 7.0]
    assert [(s.value, s.start, s.end) for s in history.modes("gate")][1:] == [("manual", 5.0, 7.0)]
    assert [span.value for span in history.modes("counter")] == ["automatic", "manual", "automatic"]


def test_a_live_stack_is_marked_as_a_run_is(live: LiveStack) -> None:
    folder = str(live._part.parents[1])
    markers = (ROOT / ".harness" / "runs").iterdir()
    (marker,) = (marker for marker in markers if marker.read_text() == folder)
    with marker.open() as file, pytest.raises(BlockingIOError):  # `harness heal` leaves it alone
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_wrong_stack_file_leaves_nothing_behind(tmp_path: Path) -> None:
    make = cast("Any", None)  # never gets so far
    with pytest.raises(UsageError), LiveStack.start(tmp_path, tmp_path / "live", make):
        pass
    assert list(tmp_path.iterdir()) == []


def test_services_are_seen_as_they_stand(live: LiveStack) -> None:
    assert {status.state for status in live.status()} == {"running"}
    with live.chaos.pause("baggage-sub"):
        paused = [status.service for status in live.status() if status.state == "paused"]
        assert paused == ["baggage-sub"]


def test_the_fixtures_of_the_plugin_are_these(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_by_hand(stack, chaos, history):
            with chaos.cut("shop-pay") as cut:
                assert cut.verified, cut.detail
            chaos.cut("worker-pay")    # healed by the fixture
            assert stack.get("shop", "/health").status_code == 200
            assert len(history().faults) == 2

        def test_after_it(chaos, history):
            assert not chaos.active
            assert not history().faults
        """
    )
    shop = ROOT / "tests" / "foreign_stack"
    done = pytester.runpytest_subprocess(
        "-p", "no:locust", f"--harness-stack={shop}", "--harness-pace=60"
    )
    done.assert_outcomes(passed=2)
