"""`summary.md`: a short report without pictures, for a pull request or the page of a CI job."""

from ._evidence import Evidence
from ._series import largest

_SYMBOLS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_BARS = "▁▂▃▄▅▆▇█"


def write_summary(evidence: Evidence) -> str:
    """Return Markdown: headline, table of verdicts, narrative, sparklines, command."""
    started = evidence.history.started
    lines = [
        f"## {_SYMBOLS[evidence.result]} {started.scenario}: {evidence.headline}",
        "",
        evidence.scenario.title,
        "",
        *(f"- **{_cell(problem)}**" for problem in evidence.problems),
        *([""] if evidence.problems else []),
        "| verdict | expectation | reason |",
        "|---|---|---|",
        *(
            f"| {_SYMBOLS[v.result]} {v.result} | `{v.name}` | {_cell(v.reason)} |"
            for v in evidence.verdicts
        ),
        "",
        *(f"- {evidence.times.moment(m.t)}: {_cell(m.text)}" for m in evidence.narrative),
        "",
    ]
    lines += [
        f"`{_sparkline(c.values)}` in flight: {c.name}" for c in largest(evidence.series.in_flight)
    ]
    command = evidence.stack.get("command") or f"harness run {started.scenario}"
    lines += ["", f"Seed {started.seed}. To repeat the run: `{command}`", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Return `text` on one line and without what would end a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _sparkline(values: tuple[float, ...]) -> str:
    """Return about sixty characters, each for the highest of its share of the values."""
    size = max(len(values) // 60, 1)
    peaks = [max(values[i : i + size]) for i in range(0, len(values), size)]
    top = max(peaks, default=0.0) or 1.0
    return "".join(_BARS[round(peak / top * 7)] for peak in peaks)
