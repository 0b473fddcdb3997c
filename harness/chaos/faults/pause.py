"""Pause: a service freezes. Its connections stay open, and it answers nothing."""

from typing import ClassVar

from harness.chaos._fault_type import Change, NodeFault, NodeState
from harness.chaos._probe import ProbeResult
from harness.chaos._timing import Timing
from harness.stack import NodeStatus, Record, Stack


class Pause(NodeFault, name="pause"):
    """Freeze a service, as a stalled disk or a lost CPU does; healing resumes it."""

    node_state: ClassVar[NodeState] = "paused"
    change: ClassVar[Change] = "pause"

    def inject(self, stack: Stack, service: str) -> None:
        """Send SIGSTOP to every process of the service, or pause its container."""
        stack.pause(service)

    def heal(self, stack: Stack, service: str, record: Record) -> None:
        """Send SIGCONT, or unpause the container."""
        del record
        stack.resume(service)

    def expected_result(self, timing: Timing) -> str:
        """Return `paused and silent`: the kernel still accepts connections for the service."""
        del timing
        return "paused and silent"

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True if the service is paused, accepts connections and answers nothing."""
        del before
        return now.state == "paused" and (direct is None or direct.outcome == "silent")
