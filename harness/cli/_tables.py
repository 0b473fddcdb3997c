"""Tables on the terminal; plain lines where the output is not a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import ExitCode
from harness.text import one_line

if TYPE_CHECKING:
    from harness.run import Outcome
    from harness.stack import NodeStatus

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}


def print_outcome(console: Console, outcome: "Outcome") -> int:
    """Print verdicts, run errors and the path of the report; return the exit code.

    The table is left out if the run broke before any check could decide: the error is then all
    that matters.
    """
    decided = any(verdict.result != "inconclusive" for verdict in outcome.verdicts)
    if decided or not outcome.errors.broken:
        print_table(
            console,
            ("verdict", "expectation", "reason"),
            [(verdict.result, verdict.name, verdict.reason) for verdict in outcome.verdicts],
            [_STYLES[verdict.result] for verdict in outcome.verdicts],
        )
    for text in outcome.errors.all:
        console.print(
            one_line(text), style="bold red", markup=False, highlight=False, soft_wrap=True
        )
    report = outcome.folder / "report.html"
    console.print(f"report: {report}", markup=False, highlight=False, soft_wrap=True)
    return int(outcome.exit_code)


def print_status(console: Console, rows: Sequence["NodeStatus"]) -> int:
    """Print the state of each service; return PASS if all are ready, else BROKEN."""
    print_table(
        console,
        ("service", "state", "ready", "pid", "address", "detail"),
        [
            (row.service, row.state, "yes" if row.ready else "no", str(row.pid or ""),
             row.address or "", row.detail)
            for row in rows
        ],
        ["" if row.ready else "red" for row in rows],
    )  # fmt: skip
    return ExitCode.PASS if all(row.ready for row in rows) else ExitCode.BROKEN


def print_table(
    console: Console,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str],
) -> None:
    """Print a table; without a terminal, each row is one line, for `grep` and for logs of CI.

    Args:
        console: where to print.
        head: the columns' names.
        rows: the cells of each row.
        styles: rich's style of the first cell of each row.
    """
    rows = [tuple(map(one_line, row)) for row in rows]
    if console.is_terminal:
        table = Table(*head, box=None, pad_edge=False)
        for row, style in zip(rows, styles, strict=True):
            # As Text, because a check's reason may look like rich's markup.
            table.add_row(Text(row[0], style=style), *map(Text, row[1:]))
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(n) for cell, n in zip(row, widths, strict=True))
        console.print("  ".join(cells).rstrip(), markup=False, highlight=False, soft_wrap=True)
