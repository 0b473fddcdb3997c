"""Did the services that the fault does not concern go on as if nothing had happened?

The blast radius: a fallback that spreads to those who still reach the center is a fault of its own.
"""

from pydantic import Field

from harness.history import History, Mode

from ._check import Check, Verdict
from ._match import Names, heard_of
from ._outage import whole
from ._words import count, listed, proof, took


class StaysAutomatic(Check, name="stays_automatic"):
    """From the first fault to the end of the run none of `services` leaves automatic."""

    services: Names = Field(min_length=1, description="Who must not notice.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        outage = whole(history, self.step)
        if isinstance(outage, str):
            return self.unclear(outage)
        mute = set(self.services) - set(heard_of(history, self.services))
        if mute:
            return self.unclear(f"the history never mentions {listed(sorted(mute))}")
        left = [
            span
            for service in self.services
            for span in history.modes(service)
            if span.value != "automatic" and span.end >= outage.asked
        ]
        if not left:
            kept = count(len(self.services), "service")
            return self.passed(f"{kept} beside the fault never left automatic", (), left=0)
        changes = {mode.index: mode for mode in history.of(Mode)}
        first = changes[min(left, key=lambda span: span.start).index]
        why = f": {first.reason}" if first.reason else ""
        return self.failed(
            f"{first.service} went {first.mode} {took(history, first.t - outage.start)} into "
            f"{outage.label}, which does not concern it{why}",
            proof(span.index for span in left),
            left=len(left),
        )
