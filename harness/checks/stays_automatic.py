"""Did those whom a fault does not concern carry on as if nothing had happened?"""

from pydantic import Field

from harness.history import History, Mode

from ._check import Check, Verdict
from ._match import Names
from ._words import listed, proof


class StaysAutomatic(Check, name="stays_automatic"):
    """None of `services` leaves automatic during the whole run: the fault's blast radius."""

    services: Names = Field(min_length=1, description="Whom the fault does not concern.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        if not history.faults:
            return self.unclear("no fault was injected, so there was nothing to be spared from")
        fallen = [
            event
            for event in history.of(Mode)
            if event.service in self.services and event.mode != "automatic"
        ]
        if fallen:
            first = fallen[0]
            others = sorted({event.service for event in fallen} - {first.service})
            also = f" (so was {listed(others)})" if others else ""
            return self.failed(
                f"{first.service} was {first.mode} although the fault does not concern it{also}; "
                f"it says: {first.reason or 'nothing'}",
                proof([event.index for event in fallen]),
                fallen=len({event.service for event in fallen}),
            )
        return self.passed(f"{listed(sorted(self.services))} stayed automatic all along")
