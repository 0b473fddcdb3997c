"""The journal replayer: each record exactly once, oldest first, throttled, whatever fails."""

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
    """A data center that identifies records by id, behind a link with scripted faults."""

    def __init__(self, script: Sequence[str] = ()) -> None:
        self.script = list(script)
        self.entries: list[str] = []
        self.requests: list[list[str]] = []

    async def submit(self, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
        fault = self.script.pop(0) if self.script else "answer"
        self.requests.append([record.id for record in records])
        if fault == "refuse":
            return NotAccepted("closed", wait=900)
        if fault == "part":
            records = records[: len(records) // 2]
        for record in records:
            if record.id not in self.entries:
                self.entries.append(record.id)
        if fault == "lose reply":
            return NotAccepted("no answer", too_much=True)
        if fault == "crash":
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


def new_replayer(
    journal: Journal, ledger: Ledger, *, log: Events | None = None, group: str | None = None
) -> JournalReplayer:
    clock = FakeClock()
    return JournalReplayer(
        clock, log or Events(), journal, ledger.submit, batch=4, every=300, group=group
    )


def test_the_oldest_records_are_entered_first_and_each_batch_is_logged() -> None:
    async def test() -> None:
        journal, ledger, log = filled(6), Ledger(), Events()
        replayer = new_replayer(journal, ledger, log=log)
        await replayer.replay_batch()
        await replayer.replay_batch()
        await replayer.replay_batch()
        assert ledger.requests == [["c0", "c1", "c2", "c3"], ["c4", "c5"]]
        assert [(e["pending"], e["entered"], e["share"]) for e in log.named("journal")] == [
            (2, 4, 0.6667),
            (0, 6, 1.0),
        ]
        assert log.named("quarantine") == [
            {"event": "quarantine", "id": "c3", "reason": "conflict"}
        ]

    run(test())


def test_batches_keep_the_interval_and_respect_a_refusal() -> None:
    async def test() -> None:
        clock = FakeClock()
        journal, ledger = filled(12), Ledger(["answer", "refuse"])
        replayer = JournalReplayer(clock, Events(), journal, ledger.submit, batch=4, every=300)
        task = asyncio.ensure_future(replayer.run())
        seen = []
        for _ in range(7):
            await clock.advance(299)
            seen.append(len(ledger.requests))
            await clock.advance(1)
        assert seen == [1, 2, 2, 2, 3, 4, 4]
        task.cancel()

    run(test())


def test_a_replayer_submits_only_its_own_group() -> None:
    async def test() -> None:
        journal, ledger = MemoryJournal(), Ledger()
        journal.append("v1", {}, "visa")
        journal.append("p1", {}, "passport")
        await new_replayer(journal, ledger, group="passport").replay_batch()
        assert ledger.entries == ["p1"]

    run(test())


def test_a_batch_that_was_too_large_is_halved_and_grows_again() -> None:
    async def test() -> None:
        ledger = Ledger(["lose reply", "lose reply", "lose reply", "lose reply"])
        replayer = new_replayer(filled(20), ledger)
        sizes = []
        for _ in range(7):
            await replayer.replay_batch()
            sizes.append(replayer.batch)
        assert sizes == [2, 1, 1, 1, 2, 4, 4]

    run(test())


def test_batches_grow_with_an_interval_below_the_floor() -> None:
    pace = 4800
    replayer = JournalReplayer(
        PacedClock(pace, floor=0.5), Events(), MemoryJournal(), Ledger().submit, batch=20, every=300
    )
    assert replayer.batch == 160  # 20 in 300 s are 160 in 2400 s, which are 0.5 s


def test_records_that_cannot_be_marked_are_submitted_again() -> None:
    class Full(MemoryJournal):
        """A journal whose disk is full once."""

        full = True

        def settle(self, settled: object) -> list[Record]:
            if self.full:
                self.full = False
                raise JournalFullError("no room left")
            return super().settle(settled)  # type: ignore[arg-type]

    async def test() -> None:
        journal, ledger = Full(), Ledger()
        journal.append("c1", {})
        replayer = new_replayer(journal, ledger)
        await replayer.replay_batch()
        assert replayer.held_up == "no room left"
        await replayer.replay_batch()
        assert replayer.held_up == ""
        assert (ledger.entries, journal.counts().entered) == (["c1"], 1)

    run(test())


@pytest.mark.parametrize(("batch", "every"), [(0, 300), (20, 0)])
def test_invalid_batch_or_interval_raises_a_value_error(batch: int, every: float) -> None:
    with pytest.raises(ValueError, match="at least"):
        JournalReplayer(
            FakeClock(), Events(), MemoryJournal(), Ledger().submit, batch=batch, every=every
        )


faults = st.lists(st.sampled_from(["answer", "part", "refuse", "lose reply", "crash"]), max_size=25)


@settings(deadline=None)
@given(st.integers(0, 20), faults)
def test_each_record_is_entered_exactly_once(count: int, script: list[str]) -> None:
    """For any sequence of lost replies, refusals, partial answers and crashes of the replayer."""

    async def test() -> None:
        journal, ledger = filled(count), Ledger(script)
        expected = [record.id for record in journal.pending(99)]
        backlog = len(expected)
        replayer = new_replayer(journal, ledger)
        for _ in range(len(script) + count + 1):
            try:
                await replayer.replay_batch()
            except ConnectionAbortedError:
                replayer = new_replayer(journal, ledger)  # the next process, with the same journal
            assert journal.counts().written <= backlog
            backlog = journal.counts().written
        assert ledger.entries == expected
        assert backlog == 0
        assert journal.counts().total == count

    run(test())
