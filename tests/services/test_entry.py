"""Batches of late records, and a border that does not take them all."""

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
    """Answers batches as it is told to."""

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


def test_what_became_of_each_record_is_told() -> None:
    async def story() -> None:
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

    run(story())


def test_a_refusal_is_waited_for_as_long_as_it_says() -> None:
    async def story() -> None:
        border = Border()
        border.status = 503
        result = await border.enter(journal_of("a").pending(9))
        assert isinstance(result, NotAccepted)
        assert result.wait == 90
        assert not result.too_much

    run(story())


def test_without_an_answer_the_batch_may_have_been_too_much() -> None:
    async def story() -> None:
        border = Border()
        border.status = 500
        result = await border.enter(journal_of("a").pending(9))
        assert isinstance(result, NotAccepted)
        assert result.too_much

    run(story())


def test_a_border_that_is_away_is_not_asked() -> None:
    async def story() -> None:
        border = Border()
        border.status = 500
        for _ in range(4):
            await border.enter(journal_of("a").pending(9))
        assert len(border.batches) == 3

    run(story())


def test_one_bad_record_is_found_and_set_aside_and_the_others_are_entered() -> None:
    async def story() -> None:
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

    run(story())
