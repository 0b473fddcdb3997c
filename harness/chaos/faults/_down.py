"""What faults that leave a service down have in common: no process, and no listening port."""

from harness.chaos._fault_type import NodeFault
from harness.chaos._probe import ProbeResult
from harness.chaos._timing import Timing
from harness.stack import NodeStatus


class DownFault(NodeFault):
    """A fault that ends a service's process; healing starts the service again."""

    def expected_result(self, timing: Timing) -> str:
        """Return `gone`: neither a process nor a listening port."""
        del timing
        return "gone"

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True if the process has ended and no other one listens in its place.

        On loopback the port refuses; on a container network the address ends with the container.
        """
        del before
        not_listening = direct is None or direct.outcome in ("refused", "unreachable")
        return now.state == "exited" and not_listening
