"""Entering journalled crossings into the border's ledger."""

from collections.abc import Sequence

from services.kit import Answered, NotAccepted, OutcomeUnknown, Record, Refused, Settled, Upstream

from ._manual import late

_PATIENCE = 4
_NEVER_TAKEN = (400, 413, 422)


class Entry:
    """Sends batches of records to the border."""

    def __init__(self, border: Upstream) -> None:
        self._border = border

    async def enter(self, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
        """Send `records`; what became of each."""
        if self._border.state not in ("open", "share"):
            return NotAccepted(self._border.reason)
        body = {"records": [late(record) for record in records]}
        outcome = await self._border.post("/crossings/batch", body, timeout_factor=_PATIENCE)
        if isinstance(outcome, Answered):
            return _read(outcome, records)
        if isinstance(outcome, Refused):
            return NotAccepted(outcome.reason, outcome.retry_after or 0.0)
        return NotAccepted(outcome.reason, too_much=isinstance(outcome, OutcomeUnknown))


def _read(answer: Answered, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
    if answer.ok:
        return _settled(answer.body.get("results"))
    if answer.status not in _NEVER_TAKEN:
        return NotAccepted(answer.reason)
    # One bad record must not hold up those behind it: look for it among ever fewer.
    if len(records) > 1:
        return NotAccepted(answer.reason, too_much=True)
    return [Settled(records[0].id, "quarantined", "rejected")]


def _settled(results: object) -> Sequence[Settled]:
    return [_one(result) for result in results] if isinstance(results, list) else []


def _one(result: dict[str, object]) -> Settled:
    name = str(result["id"])
    if result.get("outcome") == "conflict":
        return Settled(name, "quarantined", "conflict")
    if result.get("outcome") not in ("recorded", "duplicate"):
        return Settled(name, "quarantined", "rejected")
    if result.get("late_hit"):
        return Settled(name, "quarantined", "late-hit")
    return Settled(name)
