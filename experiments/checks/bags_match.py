"""Has every bag its passenger and every passenger his own bag? (Invariant 8.)

Compares what was brought to the belts and handed out with what the airline holds at the end: no
bag is lost, none is there twice or out of nowhere, and each handed out is with the passenger who
was told so.
"""

from collections import Counter

from pydantic import Field

from harness.checks import (
    Check,
    Ledger,
    Verdict,
    count,
    final_read,
    ident,
    listed,
    proof,
)
from harness.history import History

from ._travellers import at, services


class BagsMatch(Check, name="bags_match"):
    """Bags and passengers match one to one, at every airport."""

    per_passenger: int = Field(default=1, ge=1, description="How many bags one may have.")
    min_claims: int = Field(default=1, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        desks = services(history, "baggage-")
        if not desks:
            return self.unclear("no baggage service appears in the history")
        reads = [final_read(history, Ledger(service=d, read="bags", id="tag")) for d in desks]
        for read in reads:
            if read.problem:
                return self.unclear(f"{read.problem}, so nobody can tell whose bags are whose")
        held = [(row, page) for read in reads for row, page in read.rows]
        there = Counter(ident(row.get("tag")) or "without a tag" for row, _ in held)
        owner = {ident(row.get("tag")): ident(row.get("passenger")) for row, _ in held}
        pages = {ident(row.get("tag")): page for row, page in held}
        brought, proofs, maybe = _brought(history)
        claims = _claims(history)
        wrong = {
            "lost": [tag for tag in brought if tag not in there],
            "there twice": [tag for tag, times in there.items() if times > 1],
            "out of nowhere": [t for t in there if t not in brought and t not in maybe],
            "with the wrong passenger": [
                tag for tag, who, _ in claims if tag in there and owner.get(tag) != who
            ],
            "handed to two passengers": _twice(claims),
        }
        loads = Counter(who for who in owner.values() if who is not None)
        greedy = [who for who, bags in loads.items() if bags > self.per_passenger]
        measured: dict[str, float] = {"bags": len(there), "claimed": len(claims)}
        measured |= {what.replace(" ", "_"): len(tags) for what, tags in wrong.items()}
        measured["left"] = sum(who is None for who in owner.values())
        told = [f"{len(tags)} {what} ({listed(tags, 3)})" for what, tags in wrong.items() if tags]
        if told or greedy:
            more = f"{count(len(greedy), 'passenger')} with more than {self.per_passenger}"
            tags = {tag for names in wrong.values() for tag in names}
            return self.failed(
                f"of {count(len(there), 'bag')}: {', '.join([*told, *([more] if greedy else [])])}",
                proof(
                    [
                        *(index for tag, _, indexes in claims if tag in tags for index in indexes),
                        *(proofs[tag] for tag in tags if tag in proofs),
                        *(pages[tag] for tag in tags if tag in pages),
                        *(pages[tag] for tag, who in owner.items() if who in greedy),
                    ]
                ),
                **measured,
            )
        if len(claims) < self.min_claims:
            reason = f"only {count(len(claims), 'bag')} claimed, too few to tell"
            return self.unclear(reason, (), **measured)
        return self.passed(
            f"all of {count(len(claims), 'bag')} claimed are with the right passenger, none of "
            f"{count(len(there), 'bag')} is missing",
            (),
            **measured,
        )


def _brought(history: History) -> tuple[set[str], dict[str, int], set[str]]:
    """Tags that were taken in for certain, the answer that says so, and tags that may have been."""
    certain: set[str] = set()
    proofs: dict[str, int] = {}
    maybe: set[str] = set()
    for request in at(history, "baggage-"):
        tags = request.invoke.input.get("tags")
        names = [ident(tag) for tag in tags] if isinstance(tags, list | tuple) else []
        known = {name for name in names if name is not None}
        if request.completion is not None and request.outcome == "ok":
            certain |= known
            proofs |= dict.fromkeys(known, request.completion.index)
        elif request.outcome == "unknown":
            maybe |= known
    return certain, proofs, maybe


def _claims(history: History) -> list[tuple[str, str, tuple[int, ...]]]:
    """Tag, passenger and events of every bag that was handed out."""
    found = []
    for request in at(history, "baggage-"):
        tag, who = ident(request.value.get("tag")), ident(request.value.get("passenger"))
        if request.outcome == "ok" and tag is not None and who is not None:
            asked = ident(request.invoke.input.get("passenger")) or who
            found.append((tag, asked, request.events))
    return found


def _twice(claims: list[tuple[str, str, tuple[int, ...]]]) -> list[str]:
    owners: dict[str, set[str]] = {}
    for tag, who, _ in claims:
        owners.setdefault(tag, set()).add(who)
    return [tag for tag, people in owners.items() if len(people) > 1]
