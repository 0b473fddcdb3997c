"""Reports tell what happened, in every format the same, and open offline."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from harness.checks import Verdict
from harness.errors import ExitCode
from harness.history import Gauge, History, Unknown
from harness.report import write_reports
from harness.report._evidence import Evidence
from harness.report._junit import xml_safe
from harness.report._series import Curve
from harness.report._svg import Frame, line_chart

from .build import VERDICTS, history, parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_reports(tmp_path, **parts())
    return tmp_path


class _Balance(HTMLParser):
    """Which tags are open; every one but the void ones must be closed in its order."""

    VOID = frozenset({"meta", "br", "rect", "line", "path", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_one_well_formed_file_that_needs_nothing_else(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    balance = _Balance()
    balance.feed(text)
    assert not balance.open
    assert not balance.links
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text


def test_a_panel_that_would_be_empty_is_left_out(tmp_path: Path) -> None:
    sound = History([event for event in history().events if not isinstance(event, Unknown | Gauge)])
    for name, told in (("all", history()), ("sound", sound)):
        (tmp_path / name).mkdir()
        write_reports(tmp_path / name, **parts(history=told))
    titles = {
        name: re.findall("<h3>(.*?)</h3>", (tmp_path / name / "report.html").read_text())
        for name in ("all", "sound")
    }
    left_out = ["Waiting, as the services count it", "Refused, and outcome unknown"]
    assert [t for t in titles["all"] if t not in titles["sound"]] == [
        *left_out, "Backlog still to be worked off"
    ]  # fmt: skip


def test_what_people_wrote_is_shown_and_never_becomes_markup(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "Does &lt;everything&gt; hold &amp; come back?" in text
    assert "notice 2 | came &lt;late&gt;" in text


def test_the_story_says_what_broke_held_and_came_back_in_times_of_life() -> None:
    moments = Evidence(**parts()).story
    told = [f"{moment.kind}: {moment.text}" for moment in moments]
    assert told == [
        "broke: center_stops: cut on a-b, seen to bite.",
        "held: counter-cgk fell back to manual.",
        "said: The public is told: Come early.",
        "back: center_stops is taken back, after 7 h 54 min (7.9 s of the run).",
        "held: While it lasted, 6 were served: 6 by counter, manual.",
        "back: Stage border is fully open.",
        "back: counter-cgk automatic again.",
    ]


def test_figures_are_counted_from_the_history() -> None:
    series = Evidence(**parts()).series
    assert [curve.name for curve in series.paths] == ["counter, manual", "counter, online"]
    total = {c.name: sum(c.values) * series.width for c in series.paths}
    assert total == pytest.approx({"counter, manual": 7.0, "counter, online": 12.0})
    (waiting,) = series.gauge("waiting")
    assert max(waiting.values) == 9.0
    (under_way,) = series.waiting
    assert max(under_way.values) == 1.0
    assert [(band.label, band.start, band.end) for band in series.faults] == [
        ("center_stops", 4.1, 12.0)
    ]


def test_junit_tells_failure_skip_and_counts_them(folder: Path) -> None:
    suite = ET.parse(folder / "junit.xml").getroot()[0]
    assert suite.attrib | {"tests": "3", "failures": "1", "skipped": "1"} == suite.attrib
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {"quiesced": [], "notices": ["properties", "failure"], "x": ["skipped"]}


@pytest.mark.parametrize(
    ("code", "tag"), [(ExitCode.BROKEN, "error"), (ExitCode.INCONCLUSIVE, "skipped")]
)
def test_junit_tells_an_error_from_an_inconclusive_run(
    tmp_path: Path, code: ExitCode, tag: str
) -> None:
    write_reports(tmp_path, **parts(problems=["border\x00 died"], exit_code=code))
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    case = next(case for case in suite.iter("testcase") if case.attrib["name"] == "run")
    assert [(child.tag, child.attrib["message"]) for child in case] == [(tag, "border died")]


def test_the_summary_is_a_table_that_a_bar_cannot_break(folder: Path) -> None:
    text = (folder / "summary.md").read_text()
    assert "| ❌ fail | `notices` | notice 2 \\| came <late> |" in text
    assert "harness run outage --seed 7" in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ExitCode.PASS, "Held: all 3 expectations"),
        (ExitCode.FAIL, "Did not hold: 2 of 3"),
        (ExitCode.INCONCLUSIVE, "Proves nothing yet"),
        (ExitCode.BROKEN, "failed"),
        (ExitCode.UNHEALED, "could not be taken back"),
    ],
)
def test_the_headline_is_as_honest_as_the_exit_code(code: ExitCode, words: str) -> None:
    assert words in Evidence(**parts(exit_code=code)).headline


def test_a_run_in_which_nothing_happened_can_be_told(tmp_path: Path) -> None:
    begun = type(history())([history().started])
    write_reports(tmp_path, **parts(history=begun, stack={}, verdicts=[]))
    assert (tmp_path / "report.html").stat().st_size > 1000


def test_a_gap_in_a_curve_stays_a_gap() -> None:
    chart = line_chart(
        Frame(3.0, (), ()), (0.5, 1.5, 2.5), [Curve("c", (1.0, float("nan"), 2.0))], ""
    )
    path = re.search(r'class="line c0" d="([^"]*)"', chart)
    assert path is not None
    assert path[1].count("M") == 2


def test_every_verdict_can_be_opened_for_its_events(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert text.count("<details>") == len(VERDICTS)
    assert "&quot;kind&quot;:&quot;" in text


def test_no_character_makes_junit_unreadable_or_a_report_impossible(tmp_path: Path) -> None:
    odd = "".join(map(chr, (0, 1, 0x1B, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)))
    verdicts = [
        Verdict(check="c", name=f"n{odd}", result="fail", reason=f"r{odd}", measured={odd: odd}),
        Verdict(check="c", name="i", result="inconclusive", reason=odd),
    ]
    told = history()
    started = msgspec.structs.replace(told.started, scenario=f"s{odd}", backend=odd)
    stack = {"command": odd, "versions": {odd: odd}}
    write_reports(
        tmp_path,
        **parts(
            history=History([started, *told.events[1:]]),
            stack=stack,
            verdicts=verdicts,
            problems=[odd],
        ),
    )
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert suite.attrib["name"] == "harness.s"
    assert [case.attrib["name"] for case in suite.iter("testcase")] == ["run", "n", "i"]
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["junit.xml", "report.html", "summary.md"]


def test_every_letter_that_xml_can_hold_is_kept() -> None:
    assert xml_safe("a\t\n\r\ud7ff\ue000\ufffd\U00010000\U0010ffff") == (
        "a\t\n\r\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    )


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports(tmp_path, **parts())
    before = (tmp_path / "report.html").read_text()

    def full(path: Path, text: str, **options: str) -> int:
        with path.open("w", encoding="utf-8") as file:
            file.write(text[:10])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="disk full"):
        write_reports(tmp_path, **parts(problems=["another"]))
    assert (tmp_path / "report.html").read_text() == before


@pytest.mark.parametrize("value", [-3.0, 0.0, float("nan")])
def test_a_curve_that_is_never_positive_is_drawn_on_the_axis(value: float) -> None:
    chart = line_chart(Frame(1.0, (), ()), (0.5,), [Curve("c", (value,))], "")
    bottom = re.findall(r'class="grid"[^/]*y1="([^"]*)"', chart)
    line = re.search(r'class="line c0" d="([^"]*)"', chart)
    assert line is not None
    assert line[1] == "" or line[1].split(",")[1] == max(bottom, key=float)


def test_a_gauge_that_is_never_positive_can_be_reported(tmp_path: Path) -> None:
    values = {"waiting": -1.0, "backlog": -2.5}
    events = [*history().events, Gauge(t=20.0, service="s", values=values)]
    write_reports(tmp_path, **parts(history=History(events)))
    assert "Waiting, as the services count it" in (tmp_path / "report.html").read_text()
