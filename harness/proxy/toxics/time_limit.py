"""time_limit: data passes, but after so long the connection is closed, busy or not."""

from harness.proxy._stub import Stub
from harness.proxy.toxics._base import Toxic, check_milliseconds


class TimeLimit(Toxic, kind="time_limit"):
    """Closes `time` milliseconds after the connection was opened, or the toxic added to it."""

    time: int = 0

    def check(self) -> None:
        """Refuse what is no duration."""
        check_milliseconds("time", self.time)

    async def pipe(self, stub: Stub) -> None:
        """Pass on until the time is over; the start is kept when the limit is changed."""
        if stub.state is None:
            stub.state = stub.time()
        end: float = stub.state + self.time / 1000
        try:
            while stub.time() < end and await stub.receive(end):
                await stub.forward(until=end)
        except TimeoutError:
            if stub.link.pending:  # a receiver that does not read puts nothing off
                stub.link.close_connection()
