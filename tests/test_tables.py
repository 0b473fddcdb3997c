"""What the command line prints of a run."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness.checks import Verdict
from harness.cli._tables import print_outcome
from harness.errors import ExitCode
from harness.run import Outcome, RunErrors

HOSTILE = "one\n::error::two\x1b[31m"
SHOWN = "one ::error::two\ufffd[31m"
UNCLEAR = Verdict(
    check="quiesced", name="quiesced", result="inconclusive", reason="cannot be decided"
)
FAILED = Verdict(check="nothing_crashed", name="nothing_crashed", result="fail", reason="shop")
NO_IMAGE = RunErrors(broken=("shop: no image",))
HEAD = "verdict"


@pytest.mark.parametrize(
    ("verdicts", "errors", "first"),
    [
        ((UNCLEAR, FAILED), NO_IMAGE, HEAD),
        ((UNCLEAR,), RunErrors(inconclusive=("one step never started",)), HEAD),
        ((UNCLEAR,), NO_IMAGE, "shop:"),
    ],
)
def test_a_run_that_broke_before_any_decision_prints_only_its_errors(
    verdicts: tuple[Verdict, ...], errors: RunErrors, first: str
) -> None:
    out = io.StringIO()
    outcome = Outcome(Path("run"), verdicts, errors, ExitCode.BROKEN)
    assert print_outcome(Console(file=out), outcome) == ExitCode.BROKEN
    lines = out.getvalue().splitlines()
    assert lines[0].split()[0] == first
    assert lines[-2:] == [*errors.all, "report: run/report.html"]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_text_of_several_lines_is_printed_as_one(terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=terminal, color_system=None)
    verdict = Verdict(check="c", name="c", result="fail", reason=HOSTILE)
    outcome = Outcome(Path("run"), (verdict,), RunErrors(broken=(HOSTILE,)), ExitCode.BROKEN)
    print_outcome(console, outcome)
    _head, row, error, _report = out.getvalue().splitlines()
    assert row.split(maxsplit=2)[-1].rstrip() == SHOWN
    assert error == SHOWN
