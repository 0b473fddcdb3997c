"""A service restarts: down for a moment, then up with whatever it kept."""

from typing import ClassVar

from harness.chaos._canary import Sight
from harness.chaos._kind import NodeFault, Standing
from harness.chaos._wire import Wire
from harness.stack import NodeStatus, Stack


class Restart(NodeFault, name="restart"):
    """End it and start it at once; `hard` as kill -9 does, else as `docker restart` does."""

    hard: bool = False
    leaves: ClassVar[Standing] = "up"

    def inject(self, stack: Stack, service: str) -> None:
        """Down and up; returns when it is ready."""
        if self.hard:
            stack.kill(service)
        else:
            stack.stop(service)
        stack.launch(service)

    def expected(self, wire: Wire) -> str:
        """Another process in its place."""
        del wire
        return "a new process that answers"

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """It runs again, under another process id where the backend knows one."""
        another = before.pid is None or now.pid != before.pid
        return now.state == "running" and another and (beside is None or beside.outcome != "silent")
