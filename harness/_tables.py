"""What the command line prints as tables; as plain lines where no terminal is."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.errors import ExitCode

_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}


def show_outcome(console: Console, outcome: Any) -> int:
    """Print the verdicts, what went wrong beside them, and where the report is; the exit code.

    Of a run that broke before anything could be told, only what broke it.
    """
    told = any(verdict.result != "inconclusive" for verdict in outcome.verdicts)
    if told or not outcome.errors.broken:
        show_table(
            console,
            ("verdict", "expectation", "reason"),
            [(verdict.result, verdict.name, verdict.reason) for verdict in outcome.verdicts],
            [_STYLES[verdict.result] for verdict in outcome.verdicts],
        )
    for text in outcome.errors.all:
        console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)
    report = outcome.folder / "report.html"
    console.print(f"report: {report}", markup=False, highlight=False, soft_wrap=True)
    return int(outcome.exit_code)


def show_status(console: Console, rows: Sequence[Any]) -> int:
    """Print the state of each service; the exit code."""
    show_table(
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


def show_table(
    console: Console,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str],
) -> None:
    """Print a table; where nobody looks at it, a row is a line, for `grep` and for logs of CI.

    The first cell of a row has its style.
    """
    if console.is_terminal:
        table = Table(*head, box=None, pad_edge=False)
        for row, style in zip(rows, styles, strict=True):
            # As Text: what checks say may look like rich's markup, and is none.
            table.add_row(Text(row[0], style=style), *map(Text, row[1:]))
        console.print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (" ".join(cell.split()).ljust(n) for cell, n in zip(row, widths, strict=True))
        console.print("  ".join(cells).rstrip(), markup=False, highlight=False, soft_wrap=True)
