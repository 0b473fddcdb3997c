"""Does every bag have its passenger, and every passenger their own bag? (Invariant 8.)

Compares the bags that were delivered and handed out with the final read of each baggage service: no
bag is lost, duplicated or invented, and each one handed out is with the passenger who claimed it.
"""

from collections import Counter
from dataclasses import dataclass

from pydantic import Field

from harness.checks import (
    Check,
    Ledger,
    Verdict,
    as_evidence,
    as_id,
    count_text,
    final_read,
    list_text,
    too_few_text,
)
from harness.history import History

from ._travellers import requests_to, services_named


@dataclass(frozen=True)
class _Claim:
    tag: str
    passenger: str
    events: tuple[int, ...]


class BagsMatch(Check, name="bags_match"):
    """Passes if bags and passengers match one to one at every airport.

    Fails if a bag is lost, duplicated, invented or with the wrong passenger.

    Measured (numbers of bags):
        bags: in the final reads.
        claimed: handed out.
        left: not handed out yet; not a violation.
        lost, there_twice, out_of_nowhere, with_the_wrong_passenger, handed_to_two_passengers:
            violations; must be 0.
    """

    per_passenger: int = Field(default=1, ge=1, description="Most bags of one passenger.")
    min_claims: int = Field(default=1, ge=1, description="Fewer claims are inconclusive.")

    def judge(self, history: History) -> Verdict:
        """Compare deliveries and claims with the final reads."""
        services = services_named(history, "baggage-")
        if not services:
            return self.inconclusive("no baggage service appears in the history")
        reads = [final_read(history, Ledger(service=s, read="bags", id="tag")) for s in services]
        for read in reads:
            if read.problem:
                return self.inconclusive(f"{read.problem}, so bags cannot be matched")
        rows = [(row, page) for read in reads for row, page in read.rows]
        stored = Counter(as_id(row.get("tag")) or "without a tag" for row, _ in rows)
        owner = {as_id(row.get("tag")): as_id(row.get("passenger")) for row, _ in rows}
        pages = {as_id(row.get("tag")): page for row, page in rows}
        delivered, answers, maybe = _delivered(history)
        claims = _claims(history)
        violations = {
            "lost": [tag for tag in delivered if tag not in stored],
            "there twice": [tag for tag, times in stored.items() if times > 1],
            "out of nowhere": [t for t in stored if t not in delivered and t not in maybe],
            "with the wrong passenger": [
                c.tag for c in claims if c.tag in stored and owner.get(c.tag) != c.passenger
            ],
            "handed to two passengers": _handed_out_twice(claims),
        }
        bags_of = Counter(passenger for passenger in owner.values() if passenger is not None)
        too_many = [who for who, bags in bags_of.items() if bags > self.per_passenger]
        measured: dict[str, float] = {"bags": len(stored), "claimed": len(claims)}
        measured |= {what.replace(" ", "_"): len(tags) for what, tags in violations.items()}
        measured["left"] = sum(passenger is None for passenger in owner.values())
        texts = [
            f"{len(tags)} {what} ({list_text(tags, 3)})"
            for what, tags in violations.items()
            if tags
        ]
        if too_many:
            passengers = count_text(len(too_many), "passenger")
            texts.append(f"{passengers} with more than {self.per_passenger}")
        if texts:
            tags = {tag for names in violations.values() for tag in names}
            return self.failed(
                f"of {count_text(len(stored), 'bag')}: {', '.join(texts)}",
                as_evidence(
                    [
                        *(index for c in claims if c.tag in tags for index in c.events),
                        *(answers[tag] for tag in tags if tag in answers),
                        *(pages[tag] for tag in tags if tag in pages),
                        *(pages[tag] for tag, who in owner.items() if who in too_many),
                    ]
                ),
                **measured,
            )
        too_few = too_few_text(len(claims), self.min_claims, "bag", "claimed")
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        return self.passed(
            f"all of {count_text(len(claims), 'bag')} claimed are with the right passenger, none "
            f"of {count_text(len(stored), 'bag')} is missing",
            (),
            **measured,
        )


def _delivered(history: History) -> tuple[set[str], dict[str, int], set[str]]:
    """Return the tags whose delivery was acknowledged, and those that may have been delivered.

    Returns:
        The acknowledged tags, the event that acknowledged each, and the tags of requests with an
        unknown outcome.
    """
    acknowledged: set[str] = set()
    answers: dict[str, int] = {}
    maybe: set[str] = set()
    for request in requests_to(history, "baggage-"):
        tags = request.invoke.input.get("tags")
        names = [as_id(tag) for tag in tags] if isinstance(tags, list | tuple) else []
        known = {name for name in names if name is not None}
        if request.completion is not None and request.outcome == "ok":
            acknowledged |= known
            answers |= dict.fromkeys(known, request.completion.index)
        elif request.outcome == "unknown":
            maybe |= known
    return acknowledged, answers, maybe


def _claims(history: History) -> list[_Claim]:
    """Return every bag that was handed out, with the passenger who asked for it."""
    found = []
    for request in requests_to(history, "baggage-"):
        tag, answered = as_id(request.value.get("tag")), as_id(request.value.get("passenger"))
        if request.outcome == "ok" and tag is not None and answered is not None:
            asked = as_id(request.invoke.input.get("passenger")) or answered
            found.append(_Claim(tag, asked, request.events))
    return found


def _handed_out_twice(claims: list[_Claim]) -> list[str]:
    passengers: dict[str, set[str]] = {}
    for claim in claims:
        passengers.setdefault(claim.tag, set()).add(claim.passenger)
    return [tag for tag, owners in passengers.items() if len(owners) > 1]
