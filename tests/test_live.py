"""`LiveStack` and the pytest fixtures made of it, on the reference system and on the shop."""

import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from experiments.journeys._people import lines
from harness.errors import UsageError
from harness.history import Event, Fault, History, Mode, Node, Notice, Started, encode
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

STARTED = Started(t=0.0, scenario="live", seed=0, pace=1.0, epoch=0.0, origin="", backend="local")

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


def test_a_gate_without_the_border_service_refers_to_the_counter(live: LiveStack) -> None:
    with live.chaos.cut("autogate-cgk-border"):
        answer = live.post("autogate-cgk", "/travellers", json=TRAVELLER)
        assert answer.status_code == 503
        assert answer.json()["go_to"] == "counter-cgk"


def test_the_history_can_be_read_while_the_stack_runs(live: LiveStack) -> None:
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


def write_part(folder: Path, events: list[Event]) -> Path:
    part = folder / "harness.jsonl"
    part.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return part


def not_running(part: Path) -> LiveStack:
    """Return a live stack of which only the history can be used."""
    nothing = cast("Any", None)
    return LiveStack(nothing, nothing, nothing, nothing, part)


def test_a_mode_from_before_is_in_a_later_part_of_the_history(tmp_path: Path) -> None:
    written: list[Event] = [
        STARTED,
        Mode(t=3.0, service="gate", mode="manual", reason="no answer"),
        Mode(t=1.0, service="gate", mode="mixed", reason="slow"),
        Mode(t=2.0, service="counter", mode="manual", reason="no answer"),
        Mode(t=7.0, service="counter", mode="automatic", reason="answers"),
        Notice(t=6.0, service="gate", number=1, state="progress", texts={}),
    ]
    part = write_part(tmp_path, written)
    history = not_running(part).history(5.0)
    assert [event.index for event in history.events] == list(range(5))
    assert [event.t for event in history.events] == [0.0, 5.0, 5.0, 6.0, 7.0]
    assert [(s.value, s.start, s.end) for s in history.modes("gate")][1:] == [("manual", 5.0, 7.0)]
    assert [span.value for span in history.modes("counter")] == ["automatic", "manual", "automatic"]


def test_a_mode_from_before_a_restart_is_not_in_a_later_part_of_the_history(
    tmp_path: Path,
) -> None:
    written: list[Event] = [
        STARTED,
        Mode(t=1.0, service="gate", mode="manual", reason="no answer"),
        Node(t=3.0, service="gate", state="started"),
        Notice(t=6.0, service="gate", number=1, state="progress", texts={}),
    ]
    history = not_running(write_part(tmp_path, written)).history(5.0)
    assert [span.value for span in history.modes("gate")] == ["automatic"]


def test_the_live_state_shows_the_running_stack(live: LiveStack) -> None:
    snapshot = live.live_state.snapshot()
    assert snapshot.scenario == "live"
    assert snapshot.nodes["baggage-sub"] == "ready"
    assert snapshot.t == pytest.approx(live.seconds(), abs=5.0)


def test_a_live_stack_has_a_marker_as_a_run_has(live: LiveStack) -> None:
    folder = str(live._part.parents[1])
    markers = (ROOT / ".harness" / "runs").iterdir()
    (marker,) = (marker for marker in markers if marker.read_text() == folder)
    with (
        marker.open() as file,
        pytest.raises(BlockingIOError),
    ):  # so `harness heal` does not touch it
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_with_a_wrong_stack_file_nothing_is_written(tmp_path: Path) -> None:
    backend = cast("Any", None)  # not used, because the stack file is read first
    with pytest.raises(UsageError), LiveStack.start(tmp_path, tmp_path / "live", backend):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_status_shows_a_paused_service(live: LiveStack) -> None:
    assert {status.state for status in live.status()} == {"running"}
    with live.chaos.pause("baggage-sub"):
        paused = [status.service for status in live.status() if status.state == "paused"]
        assert paused == ["baggage-sub"]


def test_the_fixtures_of_the_pytest_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_faults(stack, chaos, history):
            with chaos.cut("shop-pay") as cut:
                assert cut.verified, cut.detail
            chaos.cut("worker-pay")    # healed by the fixture
            assert stack.get("shop", "/health").status_code == 200
            assert len(history().faults) == 2

        def test_the_next_one_has_no_faults(chaos, history):
            assert not chaos.active
            assert not history().faults
        """
    )
    shop = ROOT / "tests" / "foreign_stack"
    done = pytester.runpytest_subprocess(
        "-p", "no:locust", f"--harness-stack={shop}", "--harness-pace=60"
    )
    done.assert_outcomes(passed=2)
