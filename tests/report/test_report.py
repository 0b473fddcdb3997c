"""The reports of a small run: same content in every format, valid, and usable offline."""

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
    """Checks that tags are closed in order, except void ones; collects the links."""

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


def test_the_page_is_well_formed_and_needs_no_other_file(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    balance = _Balance()
    balance.feed(text)
    assert not balance.open
    assert not balance.links
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text


def test_a_panel_that_would_be_empty_is_left_out(tmp_path: Path) -> None:
    healthy = History(
        [event for event in history().events if not isinstance(event, Unknown | Gauge)]
    )
    for name, shown in (("all", history()), ("healthy", healthy)):
        (tmp_path / name).mkdir()
        write_reports(tmp_path / name, **parts(history=shown))
    titles = {
        name: re.findall("<h3>(.*?)</h3>", (tmp_path / name / "report.html").read_text())
        for name in ("all", "healthy")
    }
    left_out = [
        "Waiting, as reported by the services",
        "Failed requests and requests with unknown outcome",
    ]
    assert [t for t in titles["all"] if t not in titles["healthy"]] == [
        *left_out, "Backlog"
    ]  # fmt: skip


def test_texts_of_users_and_services_are_escaped(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "Does &lt;everything&gt; hold &amp; come back?" in text
    assert "notice 2 | came &lt;late&gt;" in text


def test_the_narrative_has_impact_fallback_and_recovery_in_scenario_time() -> None:
    moments = Evidence(**parts()).narrative
    lines = [f"{moment.kind}: {moment.text}" for moment in moments]
    assert lines == [
        "impact: center_stops: cut on a-b, verified.",
        "fallback: counter-cgk fell back to manual.",
        "info: First notice: Come early.",
        "recovery: center_stops is healed, after 7 h 54 min (7.9 s wall clock).",
        "fallback: During the faults, 6 requests succeeded: 6 by counter, manual.",
        "recovery: Stage border is fully open.",
        "recovery: counter-cgk automatic again.",
    ]


def test_figures_are_counted_from_the_history() -> None:
    series = Evidence(**parts()).series
    assert [curve.name for curve in series.paths] == ["counter, manual", "counter, online"]
    total = {c.name: sum(c.values) * series.width for c in series.paths}
    assert total == pytest.approx({"counter, manual": 7.0, "counter, online": 12.0})
    (waiting,) = series.gauge("waiting")
    assert max(waiting.values) == 9.0
    (in_flight,) = series.in_flight
    assert max(in_flight.values) == 1.0
    assert [(band.label, band.start, band.end) for band in series.faults] == [
        ("center_stops", 4.1, 12.0)
    ]


def test_junit_has_and_counts_failures_and_skips(folder: Path) -> None:
    suite = ET.parse(folder / "junit.xml").getroot()[0]
    assert suite.attrib | {"tests": "3", "failures": "1", "skipped": "1"} == suite.attrib
    cases = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {"quiesced": [], "notices": ["properties", "failure"], "x": ["skipped"]}


@pytest.mark.parametrize(
    ("code", "tag"), [(ExitCode.BROKEN, "error"), (ExitCode.INCONCLUSIVE, "skipped")]
)
def test_junit_distinguishes_an_error_from_an_inconclusive_run(
    tmp_path: Path, code: ExitCode, tag: str
) -> None:
    write_reports(tmp_path, **parts(problems=["border\x00 died"], exit_code=code))
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    case = next(case for case in suite.iter("testcase") if case.attrib["name"] == "run")
    assert [(child.tag, child.attrib["message"]) for child in case] == [(tag, "border died")]


def test_a_bar_in_a_reason_does_not_break_the_table_of_the_summary(folder: Path) -> None:
    text = (folder / "summary.md").read_text()
    assert r"| ❌ fail | `notices` | notice 2 \| came \<late> |" in text
    assert "harness run outage --seed 7" in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ExitCode.PASS, "Passed: all 3 expectations"),
        (ExitCode.FAIL, "Failed: 2 of 3"),
        (ExitCode.INCONCLUSIVE, "Inconclusive"),
        (ExitCode.BROKEN, "failed"),
        (ExitCode.UNHEALED, "could not be healed"),
    ],
)
def test_the_headline_agrees_with_the_exit_code(code: ExitCode, words: str) -> None:
    assert words in Evidence(**parts(exit_code=code)).headline


def test_a_run_without_any_event_can_be_reported(tmp_path: Path) -> None:
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


def test_every_verdict_has_its_events(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert text.count("<details>") == len(VERDICTS)
    assert "&quot;kind&quot;:&quot;" in text


def test_reports_can_be_written_and_junit_read_whatever_characters_occur(tmp_path: Path) -> None:
    odd = "".join(map(chr, (0, 1, 0x1B, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)))
    verdicts = [
        Verdict(check="c", name=f"n{odd}", result="fail", reason=f"r{odd}", measured={odd: odd}),
        Verdict(check="c", name="i", result="inconclusive", reason=odd),
    ]
    small = history()
    started = msgspec.structs.replace(small.started, scenario=f"s{odd}", backend=odd)
    stack = {"command": odd, "versions": {odd: odd}}
    write_reports(
        tmp_path,
        **parts(
            history=History([started, *small.events[1:]]),
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


HOSTILE = "# no\n\n::error::|<b>`x`\n## head"
SHOWN = r"# no :\:error:\:\|\<b>\`x\` ## head"


def test_text_from_the_run_is_only_shown_in_the_summary(tmp_path: Path) -> None:
    given = parts(problems=[HOSTILE])
    given["scenario"] = given["scenario"].model_copy(update={"title": HOSTILE})
    given["stack"] = {"command": "harness run `x`\n::error::"}
    verdict = Verdict(check="c", name="a|b`\n::", result="fail", reason=HOSTILE)
    given["verdicts"] = [verdict]
    write_reports(tmp_path, **given)
    lines = (tmp_path / "summary.md").read_text().splitlines()
    assert lines[2] == f"\\{SHOWN}"
    assert lines[4] == f"- **\\{SHOWN}**"
    assert lines[8] == rf"| ❌ fail | `` a\|b` :: `` | \{SHOWN} |"
    assert lines[-1].endswith("To repeat the run: `` harness run `x` ::error:: ``")
    assert not any(line.startswith("::") for line in lines)


def test_every_character_that_xml_allows_is_kept() -> None:
    assert xml_safe("a\t\n\r\ud7ff\ue000\ufffd\U00010000\U0010ffff") == (
        "a\t\n\r\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    )


def test_a_report_that_cannot_be_written_leaves_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports(tmp_path, **parts())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(path: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_reports(tmp_path, **parts(problems=["another"]))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


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
    assert "Waiting, as reported by the services" in (tmp_path / "report.html").read_text()
