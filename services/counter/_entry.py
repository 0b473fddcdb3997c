"""Entering journal records into the border's ledger."""

from collections.abc import Sequence

from services.kit import Answered, NotAccepted, OutcomeUnknown, Record, Refused, Settled, Upstream

from ._manual import late_record

_PATIENCE = 4
"""A batch may take this many times as long as a single call."""

_PERMANENT = (400, 413, 422)
"""Statuses with which the border rejects a batch for good."""


class Entry:
    """Submits batches of journal records to the border."""

    def __init__(self, border: Upstream) -> None:
        self._border = border

    async def enter(self, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
        """Send `records` as one batch; return the outcome of each, or why none was accepted."""
        if self._border.state not in ("open", "share"):
            return NotAccepted(self._border.reason)
        body = {"records": [late_record(record) for record in records]}
        outcome = await self._border.post("/crossings/batch", body, timeout_factor=_PATIENCE)
        if isinstance(outcome, Answered):
            return _outcome(outcome, records)
        if isinstance(outcome, Refused):
            return NotAccepted(outcome.reason, outcome.retry_after or 0.0)
        return NotAccepted(outcome.reason, too_much=isinstance(outcome, OutcomeUnknown))


def _outcome(answer: Answered, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
    if answer.ok:
        return _parse_results(answer.body.get("results"))
    if answer.status not in _PERMANENT:
        return NotAccepted(answer.reason)
    # One bad record must not block those behind it. Ever smaller batches isolate it.
    if len(records) > 1:
        return NotAccepted(answer.reason, too_much=True)
    return [Settled(records[0].id, "quarantined", "rejected")]


def _parse_results(results: object) -> Sequence[Settled]:
    return [_parse_result(result) for result in results] if isinstance(results, list) else []


def _parse_result(result: dict[str, object]) -> Settled:
    crossing = str(result["id"])
    if result.get("outcome") == "conflict":
        return Settled(crossing, "quarantined", "conflict")
    if result.get("outcome") not in ("recorded", "duplicate"):
        return Settled(crossing, "quarantined", "rejected")
    if result.get("late_hit"):
        return Settled(crossing, "quarantined", "late-hit")
    return Settled(crossing)
