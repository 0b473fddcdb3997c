"""Are answers that claim to come from the central system true?

Two proofs. Each claim must be backed by a row in the central ledger that came in through a channel
that only a live answer uses. And no request that was sent during the outage, after the grace time,
may be answered with the claim. Each injection of a flapping fault counts by itself.
"""

from pydantic import Field

from harness.history import History, Request
from harness.scenario import Duration

from ._check import Check, Verdict, as_evidence
from ._durations import wall_seconds
from ._final_read import Ledger, final_read
from ._match import Fields, Names, id_of, matches, select_requests
from ._named import Services, Steps
from ._outage import combined_outage, heal_start, outages
from ._text import count_text, list_text


class HonestAnswers(Check, name="honest_answers"):
    """Passes if answers of `op` that say `claim` are backed by `ledger`, and none is in the outage.

    Fails if a claim is not backed, or was made while the central system could not be reached.

    Measured:
        claims: answers that made the claim, number.
        during_the_cut: of these, during the outage, number; must be 0.
        unbacked: claims without a row in the ledger, number; must be 0.
    """

    op: Names = Field(min_length=1, description="Operations whose answers make the claim.")
    claim: Fields = Field(
        min_length=1, description="Fields of an answer that are the claim, as in {source: central}."
    )
    ledger: Ledger = Field(description="The final read that proves it: {service, read, id}.")
    id: str = Field(default="id", description="Field of the request or its answer with the id.")
    channel: str = Field(default="channel", description="Field of the ledger's rows.")
    channels: Names = Field(
        default=(), description="Values of `channel` that only live answers use; all if empty."
    )
    step: Steps = Field(
        default=(), description="Fault steps that cut the central system off; all if empty."
    )
    grace: Duration = Field(
        default=0.0, description="Time after the fault in which answers may still be in flight."
    )
    services: Services = Field(
        default=(), description="Services whose answers count; all if empty."
    )

    def judge(self, history: History) -> Verdict:
        """Compare the claims with the outages and with the ledger."""
        claims = [
            request
            for request in select_requests(history, self.op, self.services)
            if request.outcome == "ok" and matches(request.value, self.claim)
        ]
        impossible = self._during_outage(history, claims)
        measured = {"claims": len(claims), "during_the_cut": len(impossible)}
        claim = list_text(f"{key} {value}" for key, value in self.claim.items())
        if impossible:
            ids = list_text(filter(None, (id_of(request, self.id) for request in impossible)), 3)
            return self.failed(
                f"{count_text(len(impossible), 'answer')} claimed {claim} while the center was cut "
                f"off ({ids})",
                as_evidence(i for request in impossible for i in request.events),
                **measured,
            )
        read = final_read(history, self.ledger)
        if read.problem:
            return self.inconclusive(f"{read.problem}, so no claim can be checked", (), **measured)
        if self.step and isinstance(problem := combined_outage(history, self.step), str):
            return self.inconclusive(problem, (), **measured)
        if not claims:
            reason = f"no answer claimed {claim}, so there was nothing to check"
            return self.inconclusive(reason, (), **measured)
        rows, place = read.by_id(), f"{self.ledger.service}'s {self.ledger.read}"
        unbacked = [
            request
            for request in claims
            if not any(self._is_live(row) for row, _ in rows.get(id_of(request, self.id) or "", ()))
        ]
        if unbacked:
            ids = list_text((id_of(request, self.id) or "without an id" for request in unbacked), 3)
            return self.failed(
                f"{len(unbacked)} of {count_text(len(claims), 'answer')} that claimed {claim} "
                f"without a matching row in {place} ({ids})",
                as_evidence(i for request in unbacked for i in request.events),
                **measured,
                unbacked=len(unbacked),
            )
        answers = count_text(len(claims), "answer")
        reason = f"each of {answers} that claimed {claim} has a matching row in {place}"
        return self.passed(reason, (), **measured, unbacked=0)

    def _is_live(self, row: dict[str, object]) -> bool:
        return not self.channels or row.get(self.channel) in self.channels

    def _during_outage(self, history: History, claims: list[Request]) -> list[Request]:
        """Return the claims that were requested and answered within one verified injection."""
        grace = wall_seconds(history, self.grace)
        cuts = [
            (span.start + grace, heal_start(span))
            for outage in outages(history, self.step)
            if outage.is_verified
            for span in outage.spans
        ]
        return [
            request
            for request in claims
            if request.completion is not None
            and any(
                request.invoke.t > begin and (end is None or request.completion.t < end)
                for begin, end in cuts
            )
        ]
