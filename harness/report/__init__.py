"""The reports of a run: `report.html`, `junit.xml` and `summary.md`, all from the same evidence.

    write_reports(folder, history=..., scenario=..., stack=..., verdicts=..., problems=...,
                  exit_code=...)

`_series` derives the figures, `_narrative` the sentences, `_svg` draws the charts, and `_html`,
`_junit` and `_summary` write the files. Charts are SVG, so that they need no script, print well and
open offline.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.checks import Verdict
from harness.errors import ExitCode
from harness.files import write_file
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
    """Write every report of a run into its folder, each file atomically.

    Args:
        folder: the run's folder.
        history: the events of the run.
        scenario: the scenario as it was executed.
        stack: the content of `stack.json`; empty if the stack never came up.
        verdicts: one per expectation.
        problems: what went wrong apart from the system under test, one line each.
        exit_code: the exit code of the run.

    Raises:
        OSError: the folder cannot be written to.
    """
    evidence = Evidence(history, scenario, stack, verdicts, problems, exit_code)
    for name, write in (
        ("report.html", write_html),
        ("junit.xml", write_junit),
        ("summary.md", write_summary),
    ):
        # "replace": a service may have answered with text that cannot be encoded.
        write_file(folder / name, write(evidence).encode(errors="replace"))
