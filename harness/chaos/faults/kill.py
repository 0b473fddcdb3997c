"""Kill: a service dies without warning."""

from harness.stack import Stack

from ._down import DownFault


class Kill(DownFault, name="kill"):
    """Kill a service as kill -9 does and leave it down; healing starts it again."""

    def inject(self, stack: Stack, service: str) -> None:
        """Send SIGKILL."""
        stack.kill(service)
