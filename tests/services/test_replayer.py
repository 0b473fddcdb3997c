"""Each record exactly once, oldest first, throttled, whatever happens on the way."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import (
    Journal,
    JournalFullError,
    JournalReplayer,
    MemoryJournal,
    NotAccepted,
    PacedClock,
    Record,
    Settled,
)
from services.kit.testing import Events, FakeClock, run


class Ledger:
    """A data center that knows records by their ids, behind a line that misbehaves by a script."""

    def __init__(self, script: Sequence[str] = ()) -> None:
        self.script = list(script)
        self.entries: list[str] = []
        self.requests: list[list[str]] = []

    async def enter(self, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
        trouble = self.script.pop(0) if self.script else "answer"
        self.requests.append([record.id for record in records])
        if trouble == "refuse":
            return NotAccepted("closed", wait=900)
        if trouble == "part":
            records = records[: len(records) // 2]
        for record in records:
            if record.id not in self.entries:
                self.entries.append(record.id)
        if trouble == "lose reply":
            return NotAccepted("no answer", too_much=True)
        if trouble == "crash":
            raise ConnectionAbortedError("kill -9")
        return [
            Settled(record.id, "quarantined", "conflict")
            if record.content.get("conflict")
            else Settled(record.id)
            for record in records
        ]


def filled(count: int) -> MemoryJournal:
    journal = MemoryJournal()
    for number in range(count):
        journal.append(f"c{number}", {"conflict": number % 7 == 3})
    return journal


def replayer(
    journal: Journal, ledger: Ledger, *, log: Events | None = None, group: str | None = None
) -> JournalReplayer:
    clock = FakeClock()
    return JournalReplayer(
        clock, log or Events(), journal, ledger.enter, batch=4, every=300, group=group
    )


def test_the_oldest_are_entered_first_and_each_batch_is_told() -> None:
    async def story() -> None:
        journal, ledger, log = filled(6), Ledger(), Events()
        entering = replayer(journal, ledger, log=log)
        await entering.replay_batch()
        await entering.replay_batch()
        await entering.replay_batch()
        assert ledger.requests == [["c0", "c1", "c2", "c3"], ["c4", "c5"]]
        assert [(e["pending"], e["entered"], e["share"]) for e in log.named("journal")] == [
            (2, 4, 0.6667),
            (0, 6, 1.0),
        ]
        assert log.named("quarantine") == [
            {"event": "quarantine", "id": "c3", "reason": "conflict"}
        ]

    run(story())


def test_batches_keep_their_distance_and_a_refusal_is_respected() -> None:
    async def story() -> None:
        clock = FakeClock()
        journal, ledger = filled(12), Ledger(["answer", "refuse"])
        entering = JournalReplayer(clock, Events(), journal, ledger.enter, batch=4, every=300)
        task = asyncio.ensure_future(entering.run())
        seen = []
        for _ in range(7):
            await clock.advance(299)
            seen.append(len(ledger.requests))
            await clock.advance(1)
        assert seen == [1, 2, 2, 2, 3, 4, 4]
        task.cancel()

    run(story())


def test_a_clerk_enters_its_own_group_only() -> None:
    async def story() -> None:
        journal, ledger = MemoryJournal(), Ledger()
        journal.append("v1", {}, "visa")
        journal.append("p1", {}, "passport")
        await replayer(journal, ledger, group="passport").replay_batch()
        assert ledger.entries == ["p1"]

    run(story())


def test_a_batch_that_was_too_much_is_halved_and_grows_again() -> None:
    async def story() -> None:
        ledger = Ledger(["lose reply", "lose reply", "lose reply", "lose reply"])
        entering = replayer(filled(20), ledger)
        sizes = []
        for _ in range(7):
            await entering.replay_batch()
            sizes.append(entering.batch)
        assert sizes == [2, 1, 1, 1, 2, 4, 4]

    run(story())


def test_where_the_pace_outruns_machines_batches_grow_with_the_interval() -> None:
    pace = 4800
    entering = JournalReplayer(
        PacedClock(pace, floor=0.5), Events(), MemoryJournal(), Ledger().enter, batch=20, every=300
    )
    assert entering.batch == 160  # 20 in 300 s are 160 in 2400 s, which are 0.5 s


def test_a_mark_that_cannot_be_kept_is_made_later() -> None:
    class Full(MemoryJournal):
        """No room, once."""

        full = True

        def settle(self, settled: object) -> list[Record]:
            if self.full:
                self.full = False
                raise JournalFullError("no room left")
            return super().settle(settled)  # type: ignore[arg-type]

    async def story() -> None:
        journal, ledger = Full(), Ledger()
        journal.append("c1", {})
        entering = replayer(journal, ledger)
        await entering.replay_batch()
        assert entering.held_up == "no room left"
        await entering.replay_batch()
        assert entering.held_up == ""
        assert (ledger.entries, journal.counts().entered) == (["c1"], 1)

    run(story())


@pytest.mark.parametrize(("batch", "every"), [(0, 300), (20, 0)])
def test_a_clerk_without_work_is_refused(batch: int, every: float) -> None:
    with pytest.raises(ValueError, match="at least"):
        JournalReplayer(
            FakeClock(), Events(), MemoryJournal(), Ledger().enter, batch=batch, every=every
        )


troubles = st.lists(
    st.sampled_from(["answer", "part", "refuse", "lose reply", "crash"]), max_size=25
)


@settings(deadline=None)
@given(st.integers(0, 20), troubles)
def test_each_record_is_entered_exactly_once(count: int, script: list[str]) -> None:
    """For any sequence of lost replies, refusals, partial answers and crashes of the replayer."""

    async def story() -> None:
        journal, ledger = filled(count), Ledger(script)
        expected = [record.id for record in journal.pending(99)]
        backlog = len(expected)
        entering = replayer(journal, ledger)
        for _ in range(len(script) + count + 1):
            try:
                await entering.replay_batch()
            except ConnectionAbortedError:
                entering = replayer(journal, ledger)  # the next process, with the same journal
            assert journal.counts().written <= backlog
            backlog = journal.counts().written
        assert ledger.entries == expected
        assert backlog == 0
        assert journal.counts().total == count

    run(story())
