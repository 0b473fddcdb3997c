"""The run on the terminal: a live view on a terminal, plain lines elsewhere.

with progress(console) as watch:
    execute(prepared, ..., watch=watch)
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.history import Event, Stage

from ._board import Board
from ._recorder import Recorder
from ._story import tell

Watch = Callable[[Board, Recorder], None]

_MODES = {"automatic": "green", "mixed": "yellow", "manual": "red"}


@contextmanager
def progress(console: Console, title: str) -> Iterator[Watch]:
    """A `watch` for `execute`, which shows the run on `console` while the block lasts."""
    if not console.is_terminal:
        yield lambda _, recorder: recorder.watch(_printer(console))
        return
    view = _View(title)
    with Live(view, console=console, refresh_per_second=5, transient=True):
        yield view.attach


def _printer(console: Console) -> Callable[[Event], None]:
    tell_news = _news()

    def show(event: Event) -> None:
        text = tell_news(event)
        if text:
            console.print(
                f"{event.t:8.2f} s  {text}", markup=False, highlight=False, soft_wrap=True
            )

    return show


def _news() -> Callable[[Event], str]:
    """`tell` with a memory: a stage that says again what it said last is no news."""
    said: dict[tuple[str, str], str] = {}

    def tell_news(event: Event) -> str:
        text = tell(event)
        if isinstance(event, Stage):
            before, said[event.service, event.stage] = said.get((event.service, event.stage)), text
            return "" if text == before else text
        return text

    return tell_news


class _View:
    """Draws the board; rich asks for it a few times a second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._board: Board | None = None
        self._recorder: Recorder | None = None
        self._told: deque[str] = deque(maxlen=8)
        self._news = _news()

    def attach(self, board: Board, recorder: Recorder) -> None:
        self._board, self._recorder = board, recorder
        recorder.watch(self._note)

    def _note(self, event: Event) -> None:
        text = self._news(event)
        if text:
            self._told.append(f"{event.t:8.2f} s  {text}")

    def __rich__(self) -> RenderableType:
        board, recorder = self._board, self._recorder
        if board is None or recorder is None:
            return Text(self._title)
        with board.changed:
            return Group(
                Text(f"{self._title}   {board.phase}   {recorder.t:.1f} s", style="bold"),
                _numbers(board),
                _modes(board),
                *(Text(line, style="dim") for line in tuple(self._told)),
            )


def _numbers(board: Board) -> Table:
    table = Table.grid(padding=(0, 3))
    gauges = board.gauges.values()
    waiting = sum(values.get("waiting", 0.0) for values in gauges)
    backlog = sum(values.get("backlog", 0.0) for values in gauges)
    active = [f.step for f in board.faults.values() if f.state not in ("healed", "unhealed")]
    table.add_row(
        f"requests {board.asked}",
        Text(f"ok {board.ok}", style="green"),
        Text(f"failed {board.failed}", style="yellow" if board.failed else ""),
        Text(f"unknown {board.unknown}", style="red" if board.unknown else ""),
        f"waiting {waiting:.0f}",
        f"backlog {backlog:.0f}",
        Text(f"faults {', '.join(active) or 'none'}", style="bold red" if active else ""),
    )
    return table


def _modes(board: Board) -> Text:
    line = Text()
    for service, mode in sorted(board.modes.items()):
        line.append(f"{service} {mode}  ", style=_MODES.get(mode, ""))
    return line
