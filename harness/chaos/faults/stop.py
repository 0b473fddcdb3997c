"""A service is taken down in order."""

from harness.chaos._canary import Sight
from harness.chaos._kind import NodeFault, gone
from harness.chaos._wire import Wire
from harness.stack import NodeStatus, Stack


class Stop(NodeFault, name="stop"):
    """Stop it as `docker stop` does and leave it down; healed, it is started again."""

    def inject(self, stack: Stack, service: str) -> None:
        """SIGTERM, then SIGKILL after its grace period."""
        stack.stop(service)

    def expected(self, wire: Wire) -> str:
        """No process, no port."""
        del wire
        return "gone"

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """The process has ended and nobody listens."""
        del before
        return gone(now, beside)
