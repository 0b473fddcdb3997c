"""Is everything that was acknowledged there exactly once, and nothing that nobody asked for?

All requests about one id are judged together, because a client that got no answer asks again:

    any answer acknowledged it      exactly once in the ledgers, or set aside (`also_in`)
    else any outcome is unknown     at most once
    else (all refused)              not there
    no request at all               not there (invented)

A ledger that could not be read to its end is `inconclusive`: what is missing from half a ledger
may be on the other half.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from harness.history import Ended, History, Request

from ._check import Check, Verdict
from ._final_read import FinalRead, Ledger, final_read
from ._match import Fields, Names, id_of, matches, select
from ._words import count, listed, proof

Ledgers = Annotated[
    tuple[Ledger, ...],
    BeforeValidator(
        lambda value: value if isinstance(value, list | tuple) else (value,),
        json_schema_input_type=Ledger | tuple[Ledger, ...],
    ),
]
"""One ledger, or several that together must hold each id once."""


class ExactlyOnce(Check, name="exactly_once"):
    """Ids acknowledged by `ops` are each once in `ledger`: none lost, twice or invented."""

    ops: Names = Field(min_length=1, description="Operations that acknowledge.")
    id: str = Field(default="id", description="Field of the request or its answer with the id.")
    when: Fields = Field(default={}, description="What an answer says when it acknowledges.")
    ledger: Ledgers = Field(min_length=1, description="Final reads: {service, read, id}.")
    also_in: Ledgers = Field(default=(), description="Where an id may be set aside, not lost.")
    min_ids: int = Field(default=1, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        ledgers = [final_read(history, ledger) for ledger in self.ledger]
        aside = [final_read(history, ledger) for ledger in self.also_in]
        for read in [*ledgers, *aside]:
            if read.problem:
                return self.unclear(f"{read.problem}, so nobody can tell what is missing")
        nameless = next((read for read in ledgers if read.nameless), None)
        if nameless is not None:
            place = f"{nameless.ledger.service}/{nameless.ledger.read}"
            return self.unclear(
                f"{count(nameless.nameless, 'row')} of {place} have no {nameless.ledger.id!r}"
            )
        asked: dict[str, list[Request]] = {}
        for request in select(history, self.ops):
            name = id_of(request, self.id)
            if name is not None:
                asked.setdefault(name, []).append(request)
            elif self._acknowledges(request):
                reason = f"an acknowledged {request.invoke.op} has no {self.id!r} to look for"
                return self.unclear(reason, proof(request.events))
        return self._compare(history, asked, _pages(ledgers), set(_pages(aside)))

    def _acknowledges(self, request: Request) -> bool:
        return request.outcome == "ok" and matches(request.value, self.when)

    def _compare(
        self,
        history: History,
        asked: Mapping[str, list[Request]],
        held: Mapping[str, list[int]],
        aside: set[str],
    ) -> Verdict:
        acked = {n for n, requests in asked.items() if any(map(self._acknowledges, requests))}
        unsure = {
            n
            for n, rs in asked.items()
            if n not in acked and any(r.outcome == "unknown" for r in rs)
        }
        lost = [n for n in asked if n in acked and n not in held and n not in aside]
        kept = [n for n in asked if n in acked and n not in held and n in aside]
        twice = [n for n, pages in held.items() if len(pages) > 1]
        invented = [n for n in held if n not in asked]
        refused = [n for n in held if n in asked and n not in acked and n not in unsure]
        problems = {
            "lost": lost,
            "twice": twice,
            "invented": invented,
            "there although refused": refused,
        }
        measured: dict[str, float] = {
            "acknowledged": len(acked),
            "unknown": len(unsure),
            "unknown_there": len(unsure & held.keys()),
            "set_aside": len(kept),
            "lost": len(lost),
            "twice": len(twice),
            "invented": len(invented),
            "refused_there": len(refused),
        }
        evidence = proof(
            index
            for name in [*lost, *twice, *invented, *refused]
            for index in [*(i for r in asked.get(name, ()) for i in r.events), *held.get(name, ())]
        )
        if lost and not (twice or invented or refused) and _restless(history):
            missing = f"{len(lost)} missing ({listed(lost, 3)})"
            reason = f"the system had not come to rest, so {missing} may yet arrive"
            return self.unclear(reason, evidence, **measured)
        told = [f"{len(n)} {what} ({listed(n, 3)})" for what, n in problems.items() if n]
        if told:
            reason = f"of {count(len(acked), 'acknowledged id')}: {', '.join(told)}"
            return self.failed(reason, evidence, **measured)
        if len(acked) < self.min_ids:
            reason = f"only {count(len(acked), 'id')} acknowledged, {self.min_ids} needed to tell"
            return self.unclear(reason, (), **measured)
        where = f"{len(acked) - len(kept)} once in the ledger"
        where += f", {len(kept)} set aside and counted" if kept else ""
        return self.passed(f"of {count(len(acked), 'acknowledged id')}: {where}", (), **measured)


def _pages(reads: list[FinalRead]) -> dict[str, list[int]]:
    """Id -> the page of each row that has it."""
    held: dict[str, list[int]] = {}
    for read in reads:
        for name, rows in read.by_id().items():
            held.setdefault(name, []).extend(index for _, index in rows)
    return held


def _restless(history: History) -> bool:
    return any(not ended.quiescent for ended in history.of(Ended))
