"""Restart: a service is down for a moment, then up with whatever state it kept."""

from typing import ClassVar

from harness.chaos._fault_type import NodeFault, NodeState
from harness.chaos._probe import ProbeResult
from harness.chaos._timing import Timing
from harness.stack import NodeStatus, Stack


class Restart(NodeFault, name="restart"):
    """End a service and start it at once; `hard` as kill -9 does, else as `docker restart` does."""

    hard: bool = False
    node_state: ClassVar[NodeState] = "up"

    def inject(self, stack: Stack, service: str) -> None:
        """End the service and start it; return when it is ready."""
        if self.hard:
            stack.kill(service)
        else:
            stack.stop(service)
        stack.launch(service)

    def expected_result(self, timing: Timing) -> str:
        """Return `a new process that answers`."""
        del timing
        return "a new process that answers"

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True if the service runs again, with another pid if the backend reports pids."""
        is_new = before.pid is None or now.pid != before.pid
        return now.state == "running" and is_new and (direct is None or direct.outcome != "silent")
