"""Batches of late records, and a border that does not accept all of them."""

import json
from collections.abc import Sequence

import httpx

from services.counter._entry import Entry
from services.kit import JournalReplayer, MemoryJournal, NotAccepted, Record, Upstream
from services.kit.testing import Events, FakeClock, fake_world, run

FIELDS = ("document", "nationality", "airport", "flight", "direction", "channel")


def journal_of(*ids: str) -> MemoryJournal:
    journal = MemoryJournal()
    for name in ids:
        content = dict.fromkeys(FIELDS, "x") | {"id": name, "officer": "cgk-1"}
        journal.append(name, {**content, "recorded_at": 1.0, "snapshot_version": 1})
    return journal


class Border:
    """A border service with scripted responses to batches."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.batches: list[list[str]] = []
        self.status = 200
        self.bad = ""
        self.outcomes: dict[str, dict[str, object]] = {}
        world = fake_world("counter-cgk", clock=self.clock)
        http = httpx.AsyncClient(
            base_url="http://border", transport=httpx.MockTransport(self.answer)
        )
        object.__setattr__(world, "http", lambda _url: http)
        self.upstream = Upstream(world, "border", "http://border", first_start=False)

    def answer(self, request: httpx.Request) -> httpx.Response:
        ids = [record["id"] for record in json.loads(request.content)["records"]]
        self.batches.append(ids)
        if self.bad in ids:
            return httpx.Response(400, json={"error": "body", "reason": "bad record"})
        if self.status != 200:
            return httpx.Response(
                self.status, json={"error": "admission", "state": "share", "retry_after": 90}
            )
        results = [
            {"id": name, "outcome": "recorded", "late_hit": False, **self.outcomes.get(name, {})}
            for name in ids
        ]
        return httpx.Response(200, json={"results": results})

    async def enter(
        self, records: Sequence[Record]
    ) -> list[tuple[str, str, str | None]] | NotAccepted:
        result = await Entry(self.upstream).enter(records)
        if isinstance(result, NotAccepted):
            return result
        return [(one.id, one.state, one.reason) for one in result]


def test_each_record_of_a_batch_gets_its_result() -> None:
    async def test() -> None:
        border = Border()
        border.outcomes = {
            "b": {"outcome": "duplicate"},
            "c": {"outcome": "conflict"},
            "d": {"late_hit": True},
            "e": {"outcome": "something new"},
        }
        assert await border.enter(journal_of(*"abcde").pending(9)) == [
            ("a", "entered", None),
            ("b", "entered", None),
            ("c", "quarantined", "conflict"),
            ("d", "quarantined", "late-hit"),
            ("e", "quarantined", "rejected"),
        ]

    run(test())


def test_a_refusal_sets_the_wait_from_its_retry_after() -> None:
    async def test() -> None:
        border = Border()
        border.status = 503
        result = await border.enter(journal_of("a").pending(9))
        assert isinstance(result, NotAccepted)
        assert result.wait == 90
        assert not result.too_much

    run(test())


def test_without_an_answer_the_batch_counts_as_too_large() -> None:
    async def test() -> None:
        border = Border()
        border.status = 500
        result = await border.enter(journal_of("a").pending(9))
        assert isinstance(result, NotAccepted)
        assert result.too_much

    run(test())


def test_an_unavailable_border_receives_no_further_batches() -> None:
    async def test() -> None:
        border = Border()
        border.status = 500
        for _ in range(4):
            await border.enter(journal_of("a").pending(9))
        assert len(border.batches) == 3

    run(test())


def test_one_invalid_record_is_found_and_quarantined_and_the_others_are_entered() -> None:
    async def test() -> None:
        border = Border()
        border.bad = "e"
        journal = journal_of(*"abcdefgh")
        entry = Entry(border.upstream)
        replayer = JournalReplayer(border.clock, Events(), journal, entry.enter, batch=8, every=60)
        for _ in range(12):
            await replayer.replay_batch()
        assert journal.counts().written == 0
        quarantined = journal.page(0, 9, "quarantined")
        assert [(record.id, record.reason) for record in quarantined] == [("e", "rejected")]

    run(test())
