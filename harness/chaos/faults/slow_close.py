"""Connections end late: data passes, the end does not."""

from pydantic import Field

from harness.chaos._canary import Looks
from harness.chaos._kind import LinkFault
from harness.chaos._speech import Ask
from harness.chaos._toxic import Toxic
from harness.chaos._wire import Wire
from harness.scenario import Duration


class SlowClose(LinkFault, name="slow_close"):
    """Hold back the end of each connection for `delay`."""

    delay: Duration = Field(gt=0)

    def toxics(self, wire: Wire) -> tuple[Toxic, ...]:
        """On answers: the server hangs up, the caller learns it late."""
        return (Toxic("slow_close", "downstream", {"delay": wire.milliseconds(self.delay)}),)

    def ask(self, wire: Wire) -> Ask:
        """Await the end."""
        return Ask(patience=wire.seconds(self.delay) + 1.0, until_close=True)

    def expected(self, wire: Wire) -> str:
        """An end that comes late."""
        return f"closed {wire.seconds(self.delay) * 1000:.0f} ms or more after its answer"

    def seen(self, wire: Wire, through: Looks, beside: Looks) -> bool:
        """The end comes late through the link, and sooner beside it."""
        delay = wire.seconds(self.delay)
        return all(
            sight.end == "closed" and sight.last - sight.first >= delay * 0.95 for sight in through
        ) and all(
            sight.end == "closed" and sight.last - sight.first < delay * 0.95 for sight in beside
        )
