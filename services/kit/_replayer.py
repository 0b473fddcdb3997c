"""Replaying a journal after recovery: oldest record first, throttled, each record exactly once.

The replayer has no state of its own. The journal holds the state of each record. Records that were
sent without an answer are sent again, because the data center recognises them by their ids. So a
crash, a lost reply or another outage may interrupt it at any point.

The throttle protects a recovering data center: at most `batch` records are sent in each interval of
`every` scenario seconds. If the pace makes that interval shorter than the clock's floor, interval
and batch grow by the same factor, so that a backlog of hours drains in hours of scenario time at
any pace.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ._clock import Clock
from ._journal import Journal, JournalError, Record, Settled
from ._log import Log

_MAX_BATCH = 500  # records in one request, whatever the pace


@dataclass(frozen=True)
class NotAccepted:
    """The data center does not accept records now."""

    reason: str
    wait: float = 0.0
    """Scenario seconds until the next attempt, if the data center sent a Retry-After; else 0."""
    too_much: bool = False
    """The batch may have been too large: the next one is half as long."""


Submit = Callable[[Sequence[Record]], Awaitable[Sequence[Settled] | NotAccepted]]
"""Sends records and returns the result of each. Records without a result stay pending."""


class JournalReplayer:
    """Submits the pending records of a journal in batches, or those of one group of records.

    Args:
        clock: The service's clock.
        log: Receives `journal` and `quarantine` events.
        journal: The journal with the records.
        submit: Sends a batch to the data center.
        batch: Records per batch.
        every: Scenario seconds between two batches.
        group: Submit only the records of this group.
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        journal: Journal,
        submit: Submit,
        *,
        batch: int,
        every: float,
        group: str | None = None,
    ) -> None:
        if batch < 1 or every <= 0:
            raise ValueError("batch must be at least 1 record and every above 0 seconds")
        self._clock = clock
        self._log = log
        self._journal = journal
        self._submit = submit
        self._group = group
        self._every = clock.with_floor(every)
        self._max_size = min(_MAX_BATCH, max(batch, int(batch * self._every / every)))
        self._size = self._max_size
        self.held_up = ""
        """The reason why the last batch was not entered; empty if it was."""

    @property
    def batch(self) -> int:
        """The number of records in the next batch."""
        return self._size

    async def run(self, after_batch: Callable[[], None] = lambda: None) -> None:
        """Submit pending records for ever; call `after_batch` after each batch that was entered."""
        while True:
            wait = await self.replay_batch(after_batch)
            await self._clock.sleep(max(self._every, wait))

    async def replay_batch(self, after_batch: Callable[[], None] = lambda: None) -> float:
        """Submit one batch; return the scenario seconds to wait before the next one, or 0."""
        try:
            records = self._journal.pending(self._size, self._group)
            if not records:
                self.held_up = ""
                return 0.0
            result = await self._submit(records)
            if isinstance(result, NotAccepted):
                self.held_up = result.reason
                if result.too_much:
                    self._size = max(1, self._size // 2)
                return result.wait
            self._size = min(self._max_size, self._size * 2)
            settled = self._journal.settle(result)
        except JournalError as error:
            # The records may be entered without being marked as such; they will be sent again.
            self.held_up = str(error)
            return 0.0
        self.held_up = "" if settled else "no record of the batch was accepted"
        for record in settled:
            if record.state == "quarantined":
                self._log("quarantine", id=record.id, reason=record.reason)
        if settled:
            counts = self._journal.counts()
            self._log(
                "journal",
                pending=counts.written,
                entered=counts.total - counts.written,
                share=round(counts.share, 4),
            )
            after_batch()
        return 0.0
