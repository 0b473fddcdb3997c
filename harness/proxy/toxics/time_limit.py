"""time_limit: forwards data, but closes the connection after a time, even a busy one."""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class TimeLimit(Toxic, type_name="time_limit"):
    """Closes `time` milliseconds after the connection was opened or the toxic was added to it."""

    time: int = 0

    def validate(self) -> None:
        """Check the duration."""
        check_milliseconds("time", self.time)

    async def pipe(self, stub: Stub) -> None:
        """Forward until the time has passed; its start survives an update of the limit."""
        if stub.state is None:
            stub.state = stub.time()
        end: float = stub.state + self.time / 1000
        try:
            while stub.time() < end and await stub.receive(end):
                await stub.forward(until=end)
        except TimeoutError:
            if stub.link.pending:  # even if the receiver does not read
                stub.link.close_connection()
