"""Did the services outside the fault's blast radius keep working as if nothing had happened?

A fallback that spreads to services that still reach the data center is a fault of its own.
"""

from pydantic import Field

from harness.history import History, Mode

from ._check import Check, Verdict, as_evidence
from ._durations import elapsed_text
from ._match import unknown_modes_text
from ._named import Services, Steps
from ._outage import combined_outage
from ._text import count_text


class StaysAutomatic(Check, name="stays_automatic"):
    """Passes if none of `services` leaves automatic from the first fault to the end of the run.

    Fails if one does; inconclusive if one never logged a mode.

    Measured:
        left: spans of time in which one of them was not automatic, number; lower is better.
    """

    services: Services = Field(min_length=1, description="Services that the fault must not affect.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")

    def judge(self, history: History) -> Verdict:
        """Look for modes other than automatic since the first fault was asked for."""
        outage = combined_outage(history, self.step)
        if isinstance(outage, str):
            return self.inconclusive(outage)
        if unknown := unknown_modes_text(history, self.services):
            return self.inconclusive(unknown)
        left = [
            span
            for service in self.services
            for span in history.modes(service)
            if span.value != "automatic" and span.end >= outage.asked_at
        ]
        if not left:
            services = count_text(len(self.services), "service")
            return self.passed(f"{services} outside the fault never left automatic", (), left=0)
        changes = {mode.index: mode for mode in history.of(Mode)}
        first = changes[min(left, key=lambda span: span.start).index]
        why = f": {first.reason}" if first.reason else ""
        return self.failed(
            f"{first.service} went {first.mode} {elapsed_text(history, first.t - outage.start)} "
            f"into {outage.label}, which must not affect it{why}",
            as_evidence(span.index for span in left),
            left=len(left),
        )
