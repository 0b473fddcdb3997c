"""Stop: a service is shut down in an orderly way."""

from harness.stack import Stack

from ._down import DownFault


class Stop(DownFault, name="stop"):
    """Stop a service as `docker stop` does and leave it down; healing starts it again."""

    def inject(self, stack: Stack, service: str) -> None:
        """Send SIGTERM, then SIGKILL after the service's grace period."""
        stack.stop(service)
