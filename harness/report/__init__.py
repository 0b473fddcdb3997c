"""How a run is told: `report.html`, `junit.xml` and `summary.md`, all from the same evidence.

    write_reports(folder, history=..., scenario=..., stack=..., verdicts=..., problems=...,
                  exit_code=...)

`_series` derives the figures, `_story` the sentences, `_svg` draws, `_html`, `_junit` and
`_summary` write. Charts are SVG made here: they need no script, print well and open offline.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.checks import Verdict
from harness.errors import ExitCode
from harness.history import History
from harness.scenario import Scenario

from ._evidence import Evidence
from ._html import write_html
from ._junit import write_junit
from ._summary import write_summary

__all__ = ["write_reports"]


def write_reports(
    folder: Path,
    *,
    history: History,
    scenario: Scenario,
    stack: Mapping[str, Any],
    verdicts: Sequence[Verdict],
    problems: Sequence[str],
    exit_code: ExitCode,
) -> None:
    """Write every report of a run into its folder.

    Raises:
        OSError: the folder cannot be written to.
    """
    evidence = Evidence(history, scenario, stack, verdicts, problems, exit_code)
    for name, write in (
        ("report.html", write_html),
        ("junit.xml", write_junit),
        ("summary.md", write_summary),
    ):
        draft = folder / f".{name}.draft"
        # Whatever bytes a service answered with, a report can be written about it.
        draft.write_text(write(evidence), encoding="utf-8", errors="replace")
        draft.replace(folder / name)
