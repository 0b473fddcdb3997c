"""Reports of long runs, with a hundred services and thousands of events, stay readable."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.history import (
    AnyEvent,
    Called,
    Fault,
    FaultState,
    Gauge,
    History,
    Invoke,
    Mode,
    Node,
    Notice,
    Stage,
)
from harness.report import write_reports
from harness.report._evidence import Evidence
from harness.report._series import Band, Curve, largest, thinned
from harness.report._svg import Frame, lanes
from harness.report._times import Times

from .build import history, parts


def with_events(*more: AnyEvent) -> History:
    """Return the small run with `more` events in it."""
    events = sorted([*history().events, *more], key=lambda event: event.t)
    return History([msgspec.structs.replace(e, index=i) for i, e in enumerate(events)])


def narrative(*more: AnyEvent) -> list[str]:
    return [moment.text for moment in Evidence(**parts(history=with_events(*more))).narrative]


def relapses(times: int) -> list[AnyEvent]:
    return [
        Stage(t=6 + n / 100, service="c", stage="gate", state=state, share=share, reason=f"r{n}")
        for n in range(times)
        for state, share in (("ramping", 0.5), ("relapsed", 0.0))
    ]


def test_of_frequent_repeats_the_first_and_the_last_are_shown_with_a_count() -> None:
    assert [text for text in narrative(*relapses(41)) if "gate" in text] == [
        "Stage gate is closed again: r0.",
        "Stage gate is closed again: r40. (The last of 41 times.)",
    ]


def test_stages_that_open_at_almost_the_same_time_are_one_moment_in_their_order() -> None:
    opened = [
        Stage(t=t, service="c", stage=stage, state="done", share=1.0)
        for t, stage in ((8.0, "second"), (8.0, "first"), (8.1, "third"), (9.5, "last"))
    ]
    texts = narrative(*opened)
    assert "Stage last is fully open." in texts
    (together,) = [text for text in texts if text.startswith("Stages second, first and third are ")]
    assert together.endswith("fully open, within 6 min.")


def test_a_service_that_starts_as_automatic_is_not_reported_as_recovered() -> None:
    begins = [Mode(t=t, service="gate", mode="automatic", reason="opened") for t in (-1.0, 3.0)]
    assert not [text for text in narrative(*begins) if "gate" in text]


def test_a_fallback_after_a_restart_is_reported_again() -> None:
    falls = [Mode(t=t, service="gate", mode="manual") for t in (4.0, 9.0)]
    again = Node(t=6.0, service="gate", state="started")
    for events, times in (((*falls, again), 2), (falls, 1)):
        texts = [text for text in narrative(*events) if "gate" in text and "fell back" in text]
        assert len(texts) == times


def test_three_repeats_are_all_shown() -> None:
    assert len([text for text in narrative(*relapses(3)) if "gate" in text]) == 3


@pytest.mark.parametrize("end", [0.001, 1.0, 90.0, 5e3, 4e5, 1.8e9])
def test_the_time_axis_has_a_few_labels_however_long_the_run(end: float) -> None:
    for dated in (False, True):
        ticks = Times(history(), dated=dated).ticks(end)
        assert len(ticks) <= 11
        assert all(0 <= t <= end for t, _ in ticks)


def test_a_flapping_fault_is_not_shown_each_time() -> None:
    states: list[tuple[float, FaultState]] = [(0.0, "injected"), (0.01, "verified")]
    flaps = [
        Fault(t=6 + n / 10 + t, id=f"f{n}", step="flap", fault="cut", targets=("a-b",), state=state)
        for n in range(40)
        for t, state in [*states, (0.02 + n / 1000, "healed")]
    ]
    texts = [text for text in narrative(*flaps) if "flap" in text]
    assert len(texts) == 4
    assert texts[-1].startswith("flap is healed, after")
    assert texts[-1].endswith("(The last of 40 times.)")


def test_a_narrative_has_a_limited_length_and_keeps_its_end() -> None:
    deaths = [
        Node(t=6 + n / 100, service=f"s{n:03}", state="exited", planned=False, detail="killed")
        for n in range(300)
    ]
    texts = narrative(*deaths)
    assert len(texts) == 60
    (gap,) = [text for text in texts if text.startswith("...")]
    assert gap == "... and 248 more moments, see history.jsonl."
    assert texts[-1] == "counter-cgk automatic again."


def test_of_many_services_that_fall_back_together_most_are_only_counted() -> None:
    falls = [Mode(t=4.4, service=f"s{n:03}", mode="manual") for n in range(100)]
    texts = next(text for text in narrative(*falls) if "fell back" in text)
    assert texts.startswith("s000, s001, s002, s003, s004, s005, s006, s007 and 93 more fell back")


def test_a_repeated_state_of_a_stage_is_one_span() -> None:
    ramps = [
        Stage(t=t, service="c", stage="gate", state="ramping", share=share)
        for t, share in ((5.0, 0.1), (6.0, 0.1), (7.0, 0.2), (8.0, 0.2), (9.0, 0.1))
    ]
    spans = Evidence(**parts(history=with_events(*ramps))).series.stages["gate"]
    assert [(span.value, span.start, span.end) for span in spans] == [
        ("ramping 10%", 5.0, 7.0),
        ("ramping 20%", 7.0, 9.0),
        ("ramping 10%", 9.0, 20.0),
    ]


def test_boxes_in_the_same_place_are_drawn_once() -> None:
    frame = Frame(100.0, (), ())
    boxes = [(50 + n / 1000, 50 + n / 1000, "notice", str(n)) for n in range(1000)]
    chart = lanes(frame, [("notices", [(0.0, 10.0, "done", "wide"), *boxes])])
    assert 2 <= chart.count('class="box') <= 12


def test_a_short_fault_during_a_long_one_is_shaded_too() -> None:
    bands = (Band("long", 0.0, 100.0), Band("short", 50.0, 50.05), Band("again", 50.05, 50.1))
    chart = lanes(Frame(100.0, (), bands), [])
    assert re.findall("<title>(.*?)</title>", chart) == ["long", "short"]


def test_the_largest_curves_are_shown_and_the_others_summed() -> None:
    curves = [Curve(f"c{n}", (float(n), 1.0)) for n in range(20)]
    shown = largest(curves)
    assert [curve.name for curve in shown] == [
        *(f"c{n}" for n in range(13, 20)),
        "13 others together",
    ]
    assert list(shown[-1].values) == [78.0, 13.0]
    assert largest(curves[:8]) == tuple(curves[:8])


@pytest.mark.parametrize(("many", "left"), [(3, 3), (200, 200), (201, 200), (5000, 200)])
def test_thinning_keeps_the_first_and_the_last(many: int, left: int) -> None:
    kept = thinned(range(many), 200)
    assert (len(set(kept)), kept[0], kept[-1]) == (left, 0, many - 1)


def test_a_page_about_a_hundred_services_and_thousands_of_events_has_a_limited_size(
    tmp_path: Path,
) -> None:
    def many_events() -> Iterator[AnyEvent]:
        for n in range(100):
            name = f"s{n:03}"
            for beat in range(20):
                values = {"waiting": float(n + beat), "backlog": float(n)}
                yield Gauge(t=beat + 0.5, service=name, values=values)
                yield Mode(t=beat + n / 200, service=name, mode=("manual", "automatic")[beat % 2])
            yield Invoke(t=1.0, id=name, op=name, service=name, actor=name, journey="j", due=1.0)
        for n in range(2000):
            text = {"en": f"Notice {n}. " + "Please come early. " * 5}
            yield Notice(t=n / 100, service="c", number=n, state="progress", texts=text)
            yield Called(t=n / 100, step=f"call {n}", service="c", request="POST /", status=200)
        yield from relapses(1000)

    write_reports(tmp_path, **parts(history=with_events(*many_events())))
    assert (tmp_path / "report.html").stat().st_size < 1_500_000
    assert (tmp_path / "summary.md").read_text().count("\n") < 90
