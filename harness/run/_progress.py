"""Shows a run on the console: a live view on a terminal, plain lines elsewhere.

with progress(console, "payment_outage on local") as watch:
    execute(prepared, ..., watch=watch)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ._live_state import LiveState
from ._messages import Message
from ._snapshot import Snapshot

Watch = Callable[[LiveState], None]
"""Called once with the live state of a run, before anything starts."""

_MODE_STYLES = {"automatic": "green", "mixed": "yellow", "manual": "red"}
_MESSAGES = 8
"""Messages shown in the live view."""


@contextmanager
def progress(console: Console, title: str) -> Iterator[Watch]:
    """Yield a `watch` for `execute` that shows the run on `console` while the block lasts."""
    if not console.is_terminal:

        def print_line(message: Message) -> None:
            console.print(str(message), markup=False, highlight=False, soft_wrap=True)

        yield lambda live_state: live_state.subscribe(print_line)
        return
    view = _View(title)
    with Live(view, console=console, refresh_per_second=5, transient=True):
        yield view.attach


class _View:
    """Renders the live state; rich calls it a few times per second."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live_state: LiveState | None = None

    def attach(self, live_state: LiveState) -> None:
        self._live_state = live_state

    def __rich__(self) -> RenderableType:
        if self._live_state is None:
            return Text(self._title)
        snapshot = self._live_state.snapshot()
        return Group(
            Text(f"{self._title}   {snapshot.phase}   {snapshot.t:.1f} s", style="bold"),
            _figures(snapshot),
            _modes(snapshot),
            *(Text(str(message), style="dim") for message in snapshot.messages[-_MESSAGES:]),
        )


def _figures(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 3))
    requests = snapshot.requests
    active = [fault.step for fault in snapshot.faults if fault.state != "unhealed"]
    table.add_row(
        f"requests {requests.sent}",
        Text(f"ok {requests.ok}", style="green"),
        Text(f"failed {requests.failed}", style="yellow" if requests.failed else ""),
        Text(f"unknown {requests.unknown}", style="red" if requests.unknown else ""),
        f"waiting {snapshot.total('waiting'):.0f}",
        f"backlog {snapshot.total('backlog'):.0f}",
        Text(f"faults {', '.join(active) or 'none'}", style="bold red" if active else ""),
    )
    return table


def _modes(snapshot: Snapshot) -> Text:
    line = Text()
    for service, mode in sorted(snapshot.modes.items()):
        line.append(f"{service} {mode}  ", style=_MODE_STYLES.get(mode, ""))
    return line
