"""Entering a journal once the data center is back: oldest first, throttled, each record once.

The replayer keeps no state of its own. What is entered stands in the journal, and what was sent
without an answer is sent again: the data center knows records by their ids. So it does not matter
where a crash, a lost reply or the next outage interrupts it.

The throttle is what keeps a recovering data center up: `batch` records `every` so many seconds of
life. Where the pace makes that shorter than a machine can turn, both grow together, so that a
backlog of hours drains in hours at any pace.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ._clock import Clock
from ._journal import Journal, JournalError, Record, Settled
from ._log import Log

_MOST = 500  # records in one request, whatever the pace


@dataclass(frozen=True)
class NotAccepted:
    """The data center does not take records now."""

    reason: str
    wait: float = 0.0
    """Seconds until it wants to be asked again, as far as it said."""
    too_much: bool = False
    """It may have choked on the batch: the next one is half as long."""


Submit = Callable[[Sequence[Record]], Awaitable[Sequence[Settled] | NotAccepted]]
"""Sends records; says what became of each. Records it says nothing about stay pending."""


class JournalReplayer:
    """Enters the records of one journal, or of one group of them."""

    def __init__(
        self,
        clock: Clock,
        log: Log,
        journal: Journal,
        enter: Submit,
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
        self._enter = enter
        self._group = group
        self._every = clock.with_floor(every)
        self._most = min(_MOST, max(batch, int(batch * self._every / every)))
        self._size = self._most
        self.held_up = ""
        """Why the last batch was not entered; empty if it was."""

    @property
    def batch(self) -> int:
        """Records in the next batch."""
        return self._size

    async def run(self, after_batch: Callable[[], None] = lambda: None) -> None:
        """Submit what is pending, for ever; `after_batch` is called whenever something changed."""
        while True:
            wait = await self.replay_batch(after_batch)
            await self._clock.sleep(max(self._every, wait))

    async def replay_batch(self, after_batch: Callable[[], None] = lambda: None) -> float:
        """Submit one batch; returns how long the data center wants to be left alone."""
        try:
            records = self._journal.pending(self._size, self._group)
            if not records:
                self.held_up = ""
                return 0.0
            result = await self._enter(records)
            if isinstance(result, NotAccepted):
                self.held_up = result.reason
                if result.too_much:
                    self._size = max(1, self._size // 2)
                return result.wait
            self._size = min(self._most, self._size * 2)
            settled = self._journal.settle(result)
        except JournalError as error:  # entered, but the mark is lost: it is entered again
            self.held_up = str(error)
            return 0.0
        self.held_up = "" if settled else "nothing of the batch was taken"
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
