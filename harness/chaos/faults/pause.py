"""A service freezes: its connections stay open and nothing answers."""

from typing import ClassVar

from harness.chaos._canary import Sight
from harness.chaos._kind import Change, NodeFault, Standing
from harness.chaos._wire import Wire
from harness.stack import NodeStatus, Record, Stack


class Pause(NodeFault, name="pause"):
    """Freeze it, as a stalled disk or a stolen CPU does; healed, it goes on where it was."""

    leaves: ClassVar[Standing] = "paused"
    change: ClassVar[Change] = "pause"

    def inject(self, stack: Stack, service: str) -> None:
        """SIGSTOP, or the engine's pause."""
        stack.pause(service)

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """The opposite of `inject`."""
        del record
        stack.resume(service)

    def expected(self, wire: Wire) -> str:
        """The kernel still takes connections for it."""
        del wire
        return "paused and silent"

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """It takes connections and says nothing."""
        del before
        return now.state == "paused" and (beside is None or beside.outcome == "silent")
