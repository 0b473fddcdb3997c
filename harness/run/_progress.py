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

from harness.history import Ended, Event, Node, Stage

from ._live_state import LiveState
from ._recorder import Recorder
from ._story import describe

Watch = Callable[[LiveState, Recorder], None]

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
    news = _News()

    def show(event: Event) -> None:
        text = news(event)
        if text:
            console.print(
                f"{event.t:8.2f} s  {text}", markup=False, highlight=False, soft_wrap=True
            )

    return show


class _News:
    """`describe` with a memory: neither what a stage said last, nor that all end at the end."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], str] = {}
        self._over = False

    def __call__(self, event: Event) -> str:
        text = describe(event)
        if isinstance(event, Stage):
            key = event.service, event.stage
            before, self._said[key] = self._said.get(key), text
            return "" if text == before else text
        if isinstance(event, Node) and event.planned and self._over:
            return ""
        self._over |= isinstance(event, Ended)
        return text


class _View:
    """Draws the live_state; rich asks for it a few times a second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live_state: LiveState | None = None
        self._recorder: Recorder | None = None
        self._told: deque[str] = deque(maxlen=8)
        self._news = _News()

    def attach(self, live_state: LiveState, recorder: Recorder) -> None:
        self._live_state, self._recorder = live_state, recorder
        recorder.watch(self._note)

    def _note(self, event: Event) -> None:
        text = self._news(event)
        if text:
            self._told.append(f"{event.t:8.2f} s  {text}")

    def __rich__(self) -> RenderableType:
        live_state, recorder = self._live_state, self._recorder
        if live_state is None or recorder is None:
            return Text(self._title)
        with live_state.changed:
            return Group(
                Text(f"{self._title}   {live_state.phase}   {recorder.t:.1f} s", style="bold"),
                _numbers(live_state),
                _modes(live_state),
                *(Text(line, style="dim") for line in tuple(self._told)),
            )


def _numbers(live_state: LiveState) -> Table:
    table = Table.grid(padding=(0, 3))
    gauges = live_state.gauges.values()
    waiting = sum(values.get("waiting", 0.0) for values in gauges)
    backlog = sum(values.get("backlog", 0.0) for values in gauges)
    active = [f.step for f in live_state.faults.values() if f.state not in ("healed", "unhealed")]
    table.add_row(
        f"requests {live_state.asked}",
        Text(f"ok {live_state.ok}", style="green"),
        Text(f"failed {live_state.failed}", style="yellow" if live_state.failed else ""),
        Text(f"unknown {live_state.unknown}", style="red" if live_state.unknown else ""),
        f"waiting {waiting:.0f}",
        f"backlog {backlog:.0f}",
        Text(f"faults {', '.join(active) or 'none'}", style="bold red" if active else ""),
    )
    return table


def _modes(live_state: LiveState) -> Text:
    line = Text()
    for service, mode in sorted(live_state.modes.items()):
        line.append(f"{service} {mode}  ", style=_MODES.get(mode, ""))
    return line
