"""Was everybody on the watchlist held, as far as the desk could know? (Invariant 2.)

A manual desk answers for the snapshot it held: entries are numbered in the order in which they
were made, and a snapshot's version is the number of its last entry. A desk or gate that asked the
center answers for the list as it stood; the ledger flags who was on it when the crossing was
recorded. A hit found only when a journal is entered is nobody's fault, but must be reported: the
ledger flags it and the counter sets it aside.
"""

from pydantic import Field

from harness.checks import (
    Check,
    FinalRead,
    Ledger,
    Verdict,
    count,
    duration,
    final_read,
    listed,
    proof,
)
from harness.history import History, Request
from harness.scenario import Duration

from ._travellers import admitted, at, crossing, document, services

_LIVE = {"autogate", "counter"}


class NobodyBarredAdmitted(Check, name="nobody_barred_admitted"):
    """Nobody known to be on the watchlist is admitted, by a list no older than its limit."""

    snapshot_limit: Duration = Field(default=345600.0, description="Oldest snapshot to go by.")
    min_admitted: int = Field(default=1, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        entries = final_read(history, Ledger(service="watchlist", read="watchlist", id="document"))
        ledger = final_read(history, Ledger(service="border", read="crossings"))
        asides = [
            final_read(history, Ledger(service=name, read="quarantine"))
            for name in services(history, "counter-")
        ]
        for read in (entries, ledger, *asides):
            if read.problem:
                return self.unclear(f"{read.problem}, so nobody can be compared with the list")
        if not entries.rows:
            return self.unclear("the watchlist is empty, so it could not stop anybody")
        passed = [r for kind in ("autogate-", "counter-") for r in at(history, kind) if admitted(r)]
        stale = [r for r in passed if _number(r.value.get("snapshot_age")) > self.snapshot_limit]
        blind = [r for r in passed if _blind(r)]
        barred = _barred(passed, entries, ledger)
        live = [(row, i) for row, i in ledger.rows if _hit(row) and row.get("channel") in _LIVE]
        aside = {name for read in asides for name in read.by_id()}
        late = [(row, i) for row, i in ledger.rows if _hit(row) and row.get("channel") not in _LIVE]
        silent = [(row, i) for row, i in late if str(row.get("id")) not in aside]
        measured: dict[str, float] = {
            "admitted": len(passed),
            "on_the_list": len(entries.rows),
            "barred_admitted": len(barred) + len(live),
            "late_hits": len(late),
            "oldest_snapshot_life_s": max(
                (_number(r.value.get("snapshot_age")) for r in passed), default=0.0
            ),
        }
        found: dict[str, list[tuple[int, ...]]] = {
            "on the watchlist admitted by hand": [r.events for r in barred],
            "on the watchlist admitted with the center at hand": [(i,) for _, i in live],
            "admitted by hand without any snapshot of the watchlist": [r.events for r in blind],
            f"admitted by a snapshot older than {duration(self.snapshot_limit)}": [
                r.events for r in stale
            ],
            "found out later but set aside by no counter": [(i,) for _, i in silent],
        }
        wrong = {what: events for what, events in found.items() if events}
        if wrong:
            told = [f"{count(len(e), 'traveller')} {what}" for what, e in wrong.items()]
            who = [crossing(request) or "?" for request in [*barred, *blind, *stale]]
            who += [str(row.get("id")) for row, _ in [*live, *silent]]
            return self.failed(
                f"{'; '.join(told)} ({listed(dict.fromkeys(who), 3)})",
                proof(i for events in wrong.values() for indexes in events for i in indexes),
                **measured,
            )
        if len(passed) < self.min_admitted:
            reason = f"only {count(len(passed), 'traveller')} admitted, too few to tell"
            return self.unclear(reason, (), **measured)
        return self.passed(
            f"none of {count(len(passed), 'traveller')} admitted was on the watchlist that the "
            f"desk held; {count(len(late), 'later hit')} reported",
            proof(i for _, i in late),
            **measured,
        )


def _barred(passed: list[Request], entries: FinalRead, ledger: FinalRead) -> list[Request]:
    """Who was admitted by hand although the snapshot of that desk had their document."""
    numbers = {name: min(_number(row.get("number")) for row, _ in rows)
               for name, rows in entries.by_id().items()}  # fmt: skip
    documents = {name: str(rows[0][0].get("document")) for name, rows in ledger.by_id().items()}
    found = []
    for request in passed:
        held = document(request) or documents.get(crossing(request) or "")
        version = request.value.get("snapshot_version")
        if held in numbers and version is not None and numbers[held] <= _number(version):
            found.append(request)
    return found


def _blind(request: Request) -> bool:
    by_hand = request.value.get("path") == "manual"
    return by_hand and request.value.get("snapshot_version") is None


def _hit(row: dict[str, object]) -> bool:
    return row.get("late_hit") is True


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
