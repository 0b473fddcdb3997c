"""Does an answer that claims the central system was asked tell the truth?

Two proofs. What was claimed is in the central ledger, having come in through a channel that only
a live answer uses. And while the center was cut off, nobody who was asked after the grace claims
to have reached it. Each injection of a flapping step counts by itself.
"""

from pydantic import Field

from harness.history import History, Request
from harness.scenario import Duration

from ._check import Check, Verdict
from ._final_read import Ledger, final_read
from ._match import Fields, Names, id_of, matches, select
from ._outage import lifted, outages, whole
from ._words import count, listed, proof, real


class HonestAnswers(Check, name="honest_answers"):
    """Answers of `op` that say `claim` are backed by `ledger`, and none is given during the cut."""

    op: Names = Field(min_length=1, description="Operations whose answers claim.")
    claim: Fields = Field(min_length=1, description="What they claim, e.g. {source: central}.")
    ledger: Ledger = Field(description="The final read that proves it: {service, read, id}.")
    id: str = Field(default="id", description="Field of the request or its answer with the id.")
    channel: str = Field(default="channel", description="Field of the ledger's rows.")
    channels: Names = Field(default=(), description="Its values that count; without any, all.")
    step: Names = Field(default=(), description="Steps that cut the center off; without any, all.")
    grace: Duration = Field(default=0.0, description="How long answers may still be under way.")
    services: Names = Field(default=(), description="Whose answers; without any, everybody's.")

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        claims = [
            request
            for request in select(history, self.op, self.services)
            if request.outcome == "ok" and matches(request.value, self.claim)
        ]
        pretended = self._pretended(history, claims)
        measured = {"claims": len(claims), "during_the_cut": len(pretended)}
        said = listed(f"{key} {value}" for key, value in self.claim.items())
        if pretended:
            names = listed(filter(None, (id_of(request, self.id) for request in pretended)), 3)
            return self.failed(
                f"{count(len(pretended), 'answer')} claimed {said} while the center was cut off"
                f" ({names})",
                proof(i for request in pretended for i in request.events),
                **measured,
            )
        read = final_read(history, self.ledger)
        if read.problem:
            return self.unclear(f"{read.problem}, so no claim can be checked", (), **measured)
        if self.step and isinstance(usable := whole(history, self.step), str):
            return self.unclear(usable, (), **measured)
        if not claims:
            return self.unclear(
                f"no answer claimed {said}, so none could be checked", (), **measured
            )
        rows = read.by_id()
        false = [
            request
            for request in claims
            if not any(self._live(row) for row, _ in rows.get(id_of(request, self.id) or "", ()))
        ]
        if false:
            names = listed((id_of(request, self.id) or "without an id" for request in false), 3)
            return self.failed(
                f"{len(false)} of {count(len(claims), 'answer')} that claimed {said} are not "
                f"backed by {self.ledger.service}'s {self.ledger.read} ({names})",
                proof(i for request in false for i in request.events),
                **measured,
                unbacked=len(false),
            )
        reason = f"all of {count(len(claims), 'answer')} that claimed {said} are backed"
        return self.passed(reason, (), **measured, unbacked=0)

    def _live(self, row: dict[str, object]) -> bool:
        return not self.channels or row.get(self.channel) in self.channels

    def _pretended(self, history: History, claims: list[Request]) -> list[Request]:
        grace = real(history, self.grace)
        cuts = [
            (span.start + grace, lifted(span))
            for outage in outages(history, self.step)
            if outage.bit
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
