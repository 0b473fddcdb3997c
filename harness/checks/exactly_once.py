"""Is everything that was acknowledged stored exactly once, and nothing that was not requested?

All requests about one id are judged together, because a client that got no answer tries again:

    some answer acknowledged it     exactly once in the ledgers, or set aside (`also_in`)
    else some outcome is unknown    at most once
    else (all refused)              not in the ledgers
    no request at all               not in the ledgers (invented)

A ledger that could not be read to its end makes the check `inconclusive`: an id that is missing
from the part that was read may be in the rest. A missing id is lost if the system was quiescent
when it was read, or if nobody could be asked and the whole settle time was waited for. If a service
still had work, or if the run was cut short, the id may yet arrive, which is `inconclusive`.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from harness.history import Ended, History, Request

from ._check import Check, Verdict, as_evidence
from ._final_read import FinalRead, Ledger, final_read
from ._match import Fields, Names, id_of, matches, select_requests
from ._text import count_text, list_text, too_few_text

Ledgers = Annotated[
    tuple[Ledger, ...],
    BeforeValidator(
        lambda value: value if isinstance(value, list | tuple) else (value,),
        json_schema_input_type=Ledger | tuple[Ledger, ...],
    ),
]
"""One ledger, or several in which each id is expected once in total."""


class ExactlyOnce(Check, name="exactly_once"):
    """Passes if every id that `ops` acknowledged is in `ledger` once: none lost, twice or invented.

    Fails if one is; inconclusive if a ledger could not be read to its end, or if an id is missing
    and may yet arrive.

    Measured (numbers of ids):
        acknowledged: acknowledged by an answer.
        unknown: not acknowledged, with an unknown outcome.
        unknown_there: of these, in the ledger; either is correct.
        set_aside: acknowledged and in `also_in` instead of the ledger.
        lost, twice, invented, refused_there: violations; must be 0.
    """

    ops: Names = Field(min_length=1, description="Operations that acknowledge an id.")
    id: str = Field(default="id", description="Field of the request or its answer with the id.")
    when: Fields = Field(default={}, description="Fields of an answer that acknowledges.")
    ledger: Ledgers = Field(min_length=1, description="Final reads: {service, read, id}.")
    also_in: Ledgers = Field(
        default=(), description="Final reads where an id may be set aside instead."
    )
    min_ids: int = Field(default=1, ge=1, description="Fewer acknowledged ids are inconclusive.")

    def judge(self, history: History) -> Verdict:
        """Compare the ids of requests with the ids in the ledgers."""
        ledgers = [final_read(history, ledger) for ledger in self.ledger]
        aside = [final_read(history, ledger) for ledger in self.also_in]
        for read in [*ledgers, *aside]:
            if read.problem:
                return self.inconclusive(f"{read.problem}, so missing ids cannot be determined")
        incomplete = next((read for read in ledgers if read.rows_without_id), None)
        if incomplete is not None:
            place = f"{incomplete.ledger.service}/{incomplete.ledger.read}"
            rows = count_text(incomplete.rows_without_id, "row")
            return self.inconclusive(f"{rows} of {place} without {incomplete.ledger.id!r}")
        requested: dict[str, list[Request]] = {}
        for request in select_requests(history, self.ops):
            name = id_of(request, self.id)
            if name is not None:
                requested.setdefault(name, []).append(request)
            elif self._acknowledges(request):
                reason = f"an acknowledged {request.invoke.op} has no {self.id!r} to look for"
                return self.inconclusive(reason, as_evidence(request.events))
        return self._compare(history, requested, _pages(ledgers), set(_pages(aside)))

    def _acknowledges(self, request: Request) -> bool:
        return request.outcome == "ok" and matches(request.value, self.when)

    def _compare(
        self,
        history: History,
        requested: Mapping[str, list[Request]],
        stored: Mapping[str, list[int]],
        aside: set[str],
    ) -> Verdict:
        acked = {n for n, requests in requested.items() if any(map(self._acknowledges, requests))}
        unknown = {
            n
            for n, requests in requested.items()
            if n not in acked and any(r.outcome == "unknown" for r in requests)
        }
        lost = [n for n in requested if n in acked and n not in stored and n not in aside]
        set_aside = [n for n in requested if n in acked and n not in stored and n in aside]
        twice = [n for n, pages in stored.items() if len(pages) > 1]
        invented = [n for n in stored if n not in requested]
        refused = [n for n in stored if n in requested and n not in acked and n not in unknown]
        violations = {
            "lost": lost,
            "twice": twice,
            "invented": invented,
            "stored although refused": refused,
        }
        measured: dict[str, float] = {
            "acknowledged": len(acked),
            "unknown": len(unknown),
            "unknown_there": len(unknown & stored.keys()),
            "set_aside": len(set_aside),
            "lost": len(lost),
            "twice": len(twice),
            "invented": len(invented),
            "refused_there": len(refused),
        }
        evidence = as_evidence(
            index
            for name in [*lost, *twice, *invented, *refused]
            for index in [
                *(i for r in requested.get(name, ()) for i in r.events),
                *stored.get(name, ()),
            ]
        )
        may_arrive = _may_arrive(history)
        if lost and not (twice or invented or refused) and may_arrive:
            missing = f"{len(lost)} missing ({list_text(lost, 3)})"
            reason = f"{may_arrive}, so {missing} may yet arrive"
            return self.inconclusive(reason, evidence, **measured)
        texts = [f"{len(n)} {what} ({list_text(n, 3)})" for what, n in violations.items() if n]
        total = count_text(len(acked), "acknowledged id")
        if texts:
            return self.failed(f"of {total}: {', '.join(texts)}", evidence, **measured)
        too_few = too_few_text(len(acked), self.min_ids, "id", "acknowledged")
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        reason = f"of {total}: {len(acked) - len(set_aside)} once in the ledger"
        reason += f", {len(set_aside)} set aside" if set_aside else ""
        return self.passed(reason, (), **measured)


def _pages(reads: list[FinalRead]) -> dict[str, list[int]]:
    """Return for each id the index of the page of each row that has it."""
    stored: dict[str, list[int]] = {}
    for read in reads:
        for name, rows in read.by_id().items():
            stored.setdefault(name, []).extend(index for _, index in rows)
    return stored


def _may_arrive(history: History) -> str:
    """Return why an id that is missing may still be on its way; empty if it is lost."""
    ended = next(history.of(Ended), None)
    if ended is None:
        return "the run was cut short before its end"
    # If nobody could be asked, the whole settle time was waited for, and it is the limit.
    busy = ended.asked and not ended.quiescent
    return "the system was not quiescent when it was read" if busy else ""
