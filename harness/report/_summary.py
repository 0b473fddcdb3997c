"""`summary.md`: a short report without pictures, for a pull request or the page of a CI job."""

import re

from harness.text import one_line

from ._evidence import Evidence
from ._series import largest

_SYMBOLS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_BARS = "▁▂▃▄▅▆▇█"
_SPECIAL = re.compile(r"[\\`|<\[*]|^[#>+~=-]|(?<=:):")
"""What Markdown, a table of it, or a CI job would not show as it is."""


def write_summary(evidence: Evidence) -> str:
    """Return Markdown: headline, table of verdicts, narrative, sparklines, command."""
    started = evidence.history.started
    lines = [
        f"## {_SYMBOLS[evidence.result]} {_text(started.scenario)}: {evidence.headline}",
        "",
        _text(evidence.scenario.title),
        "",
        *(f"- **{_text(problem)}**" for problem in evidence.problems),
        *([""] if evidence.problems else []),
        "| verdict | expectation | reason |",
        "|---|---|---|",
        *(
            f"| {_SYMBOLS[v.result]} {v.result} | {_code(v.name, cell=True)} | {_text(v.reason)} |"
            for v in evidence.verdicts
        ),
        "",
        *(f"- {evidence.times.moment(m.t)}: {_text(m.text)}" for m in evidence.narrative),
        "",
    ]
    lines += [
        f"`{_sparkline(c.values)}` in flight: {_text(c.name)}"
        for c in largest(evidence.series.in_flight)
    ]
    command = str(evidence.stack.get("command") or f"harness run {started.scenario}")
    lines += ["", f"Seed {started.seed}. To repeat the run: {_code(command)}", ""]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Return Markdown, on one line, that shows `text` as it is."""
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))


def _code(text: str, *, cell: bool = False) -> str:
    """Return `text` as code, on one line; in a `cell` of a table, `|` is escaped."""
    line = one_line(text)
    if cell:
        line = line.replace("|", "\\|")
    if "`" not in line:
        return f"`{line}`"
    longest = max(map(len, re.findall("`+", line)))
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"


def _sparkline(values: tuple[float, ...]) -> str:
    """Return about sixty characters, each for the highest of its share of the values."""
    size = max(len(values) // 60, 1)
    peaks = [max(values[i : i + size]) for i in range(0, len(values), size)]
    top = max(peaks, default=0.0) or 1.0
    return "".join(_BARS[round(peak / top * 7)] for peak in peaks)
