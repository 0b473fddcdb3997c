"""Was everyone on the watchlist held, as far as the counter could know? (Invariant 2.)

A counter in manual mode is judged by the snapshot that it held: watchlist entries are numbered in
the order in which they were made, and a snapshot's version is the number of its last entry. A
counter or autogate that asked the data center is judged by the list as it was then; the ledger
flags who was on it when the crossing was recorded. A hit that is found only when the journal is
replayed is not a violation but must be reported: the ledger flags it and the counter puts it in its
quarantine.
"""

from pydantic import Field

from harness.checks import (
    Check,
    FinalRead,
    Ledger,
    Verdict,
    as_evidence,
    count_text,
    duration_text,
    final_read,
    list_text,
    too_few_text,
)
from harness.history import History, Request
from harness.scenario import Duration

from ._travellers import crossing_of, document_of, is_admitted, requests_to, services_named

_LIVE_CHANNELS = {"autogate", "counter"}


class NobodyBarredAdmitted(Check, name="nobody_barred_admitted"):
    """Passes if nobody known to be on the watchlist is admitted, by a snapshot within its limit.

    Fails if somebody is, if a snapshot is missing or too old, or if a later hit is not reported.

    Measured:
        admitted: travellers admitted, number.
        on_the_list: entries of the watchlist at the end, number.
        barred_admitted: admitted travellers who were on the list, number; must be 0.
        late_hits: hits found when a journal was replayed, number; not a violation by themselves.
        oldest_snapshot_life_s: age of the oldest snapshot used, in scenario seconds.
    """

    snapshot_limit: Duration = Field(
        default=345600.0, description="Greatest age of a snapshot that admits travellers."
    )
    min_admitted: int = Field(default=1, ge=1, description="Fewer admissions are inconclusive.")

    def judge(self, history: History) -> Verdict:
        """Compare the admitted travellers with the watchlist and the ledger."""
        entries = final_read(history, Ledger(service="watchlist", read="watchlist", id="document"))
        ledger = final_read(history, Ledger(service="border", read="crossings"))
        quarantines = [
            final_read(history, Ledger(service=name, read="quarantine"))
            for name in services_named(history, "counter-")
        ]
        for read in (entries, ledger, *quarantines):
            if read.problem:
                return self.inconclusive(
                    f"{read.problem}, so travellers cannot be compared with the watchlist"
                )
        if not entries.rows:
            return self.inconclusive("the watchlist is empty, so nobody could be held")
        admitted = [
            request
            for prefix in ("autogate-", "counter-")
            for request in requests_to(history, prefix)
            if is_admitted(request)
        ]
        stale = [r for r in admitted if _number(r.value.get("snapshot_age")) > self.snapshot_limit]
        without = [r for r in admitted if _has_no_snapshot(r)]
        barred = _barred(admitted, entries, ledger)
        hits = [(row, i) for row, i in ledger.rows if row.get("late_hit") is True]
        live = [(row, i) for row, i in hits if row.get("channel") in _LIVE_CHANNELS]
        late = [(row, i) for row, i in hits if row.get("channel") not in _LIVE_CHANNELS]
        reported = {name for read in quarantines for name in read.by_id()}
        unreported = [(row, i) for row, i in late if str(row.get("id")) not in reported]
        measured: dict[str, float] = {
            "admitted": len(admitted),
            "on_the_list": len(entries.rows),
            "barred_admitted": len(barred) + len(live),
            "late_hits": len(late),
            "oldest_snapshot_life_s": max(
                (_number(r.value.get("snapshot_age")) for r in admitted), default=0.0
            ),
        }
        found: dict[str, list[tuple[int, ...]]] = {
            "on the watchlist admitted by hand": [r.events for r in barred],
            "on the watchlist admitted online": [(i,) for _, i in live],
            "admitted by hand without a snapshot of the watchlist": [r.events for r in without],
            f"admitted by a snapshot older than {duration_text(self.snapshot_limit)}": [
                r.events for r in stale
            ],
            "with a later hit that no counter put in quarantine": [(i,) for _, i in unreported],
        }
        violations = {what: events for what, events in found.items() if events}
        if violations:
            texts = [f"{count_text(len(e), 'traveller')} {what}" for what, e in violations.items()]
            who = [crossing_of(request) or "?" for request in [*barred, *without, *stale]]
            who += [str(row.get("id")) for row, _ in [*live, *unreported]]
            return self.failed(
                f"{'; '.join(texts)} ({list_text(dict.fromkeys(who), 3)})",
                as_evidence(
                    i for events in violations.values() for indexes in events for i in indexes
                ),
                **measured,
            )
        too_few = too_few_text(len(admitted), self.min_admitted, "traveller", "admitted")
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        return self.passed(
            f"none of {count_text(len(admitted), 'traveller')} admitted was on the watchlist that "
            f"the counter or autogate had; {count_text(len(late), 'later hit')} reported",
            as_evidence(i for _, i in late),
            **measured,
        )


def _barred(admitted: list[Request], entries: FinalRead, ledger: FinalRead) -> list[Request]:
    """Return who was admitted by hand although their document was in the counter's snapshot."""
    numbers = {
        name: min(_number(row.get("number")) for row, _ in rows)
        for name, rows in entries.by_id().items()
    }
    documents = {name: str(rows[0][0].get("document")) for name, rows in ledger.by_id().items()}
    found = []
    for request in admitted:
        document = document_of(request) or documents.get(crossing_of(request) or "")
        version = request.value.get("snapshot_version")
        if document in numbers and version is not None and numbers[document] <= _number(version):
            found.append(request)
    return found


def _has_no_snapshot(request: Request) -> bool:
    by_hand = request.value.get("path") == "manual"
    return by_hand and request.value.get("snapshot_version") is None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
