"""`summary.md`: the run for a pull request or a CI job's page; small and without pictures."""

from ._evidence import Evidence
from ._series import biggest

_SIGNS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_BARS = "▁▂▃▄▅▆▇█"


def write_summary(evidence: Evidence) -> str:
    """Markdown: headline, verdict table, the story, a sparkline, how to run it again."""
    started = evidence.history.started
    lines = [
        f"## {_SIGNS[evidence.result]} {started.scenario}: {evidence.headline}",
        "",
        evidence.scenario.title,
        "",
        *(f"- **{_cell(problem)}**" for problem in evidence.problems),
        *([""] if evidence.problems else []),
        "| verdict | expectation | reason |",
        "|---|---|---|",
        *(
            f"| {_SIGNS[v.result]} {v.result} | `{v.name}` | {_cell(v.reason)} |"
            for v in evidence.verdicts
        ),
        "",
        *(f"- {evidence.times.moment(m.t)}: {_cell(m.text)}" for m in evidence.story),
        "",
    ]
    lines += [f"`{_spark(c.values)}` under way: {c.name}" for c in biggest(evidence.series.waiting)]
    command = evidence.stack.get("command") or f"harness run {started.scenario}"
    lines += ["", f"Seed {started.seed}. Again: `{command}`", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _spark(values: tuple[float, ...]) -> str:
    """Sixty characters, each the highest of its share of the values."""
    size = max(len(values) // 60, 1)
    peaks = [max(values[i : i + size]) for i in range(0, len(values), size)]
    top = max(peaks, default=0.0) or 1.0
    return "".join(_BARS[round(peak / top * 7)] for peak in peaks)
