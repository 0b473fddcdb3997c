"""The outcome of a call, and how few requests a failing target receives."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from services.kit import Answered, Breaker, Client, NotSent, Outcome, OutcomeUnknown, Refused
from services.kit.testing import Events, FakeClock, fake_world, run

Handler = Callable[[httpx.Request], httpx.Response]


class Target:
    """Answers calls from a script; the last line of the script is repeated."""

    def __init__(self, *script: httpx.Response | Exception) -> None:
        self.script = list(script)
        self.calls: list[float] = []
        self.clock = FakeClock()
        self.log = Events()

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.calls.append(self.clock.now())
        now = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(now, Exception):
            raise now
        return httpx.Response(now.status_code, content=now.content)

    def client(self, breaker: Breaker | None = None) -> Client:
        world = fake_world("counter-cgk", clock=self.clock, log=self.log)
        transport = httpx.MockTransport(self)
        http = httpx.AsyncClient(base_url="http://border", transport=transport)
        object.__setattr__(world, "http", lambda _url: http)
        return Client(world, "border", "http://border", breaker=breaker)

    async def ask(self, client: Client, retries: int = 0) -> Outcome:
        call = asyncio.ensure_future(client.get("/check", retries=retries))
        await self.clock.advance(120)
        return await call


def says(status: int, **body: object) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (says(200, listed=False), Answered(200, {"listed": False})),
        (says(409, error="conflict"), Answered(409, {"error": "conflict"})),
        (
            says(503, error="admission", state="share", reason="recovery", retry_after=60),
            Refused("admission", "border: recovery", 60.0, "share"),
        ),
        (says(429, error="slow down"), Refused("slow down", "border: slow down")),
        (says(500, error="unsure"), OutcomeUnknown("border: unsure")),
        (says(502, reason="proxy"), OutcomeUnknown("border: proxy")),
        (
            httpx.Response(200, content=b"<html>"),
            OutcomeUnknown("border answered 200 with a body that is not a JSON object"),
        ),
        (httpx.ConnectError("refused"), NotSent("cannot connect to border: refused")),
        (httpx.ConnectTimeout(""), NotSent("cannot connect to border: ConnectTimeout")),
        (httpx.ReadError("reset"), OutcomeUnknown("connection to border failed: reset")),
        (httpx.WriteError("reset"), OutcomeUnknown("connection to border failed: reset")),
        (
            httpx.RemoteProtocolError("closed"),
            OutcomeUnknown("connection to border failed: closed"),
        ),
        (httpx.ReadTimeout("slow"), OutcomeUnknown("connection to border failed: slow")),
    ],
)
def test_every_end_of_a_call_is_told_apart(
    answer: httpx.Response | Exception, outcome: Outcome
) -> None:
    async def story() -> None:
        target = Target(answer)
        assert await target.ask(target.client()) == outcome

    run(story())


def test_no_answer_in_time_is_unsure_and_not_a_no() -> None:
    async def story() -> None:
        async def never(_request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        world = fake_world()
        http = httpx.AsyncClient(base_url="http://border", transport=httpx.MockTransport(never))
        object.__setattr__(world, "http", lambda _url: http)
        client = Client(world, "border", "http://border", timeout=0.01)
        assert await client.get("/check") == OutcomeUnknown("border did not answer in time")

    run(story())


def test_a_retry_after_is_kept_and_costs_the_target_nothing() -> None:
    async def story() -> None:
        refusal = says(503, error="admission", state="closed", reason="closed", retry_after=300)
        target = Target(refusal, says(200))
        client = target.client()
        first = await target.ask(client)
        assert await target.ask(client) == first
        assert client.retry_after_left == 60
        assert len(target.calls) == 1
        assert await client.get("/ready", ignore_retry_after=True) == Answered(200, {})
        await target.clock.advance(60)
        assert await target.ask(client) == Answered(200, {})

    run(story())


def test_an_admission_refusal_opens_no_breaker_but_a_lost_storage_does() -> None:
    async def story() -> None:
        for error, state in (("admission", "closed"), ("storage", "open")):
            target = Target(says(503, error=error, reason=error))
            client = target.client()
            for _ in range(3):
                await target.ask(client)
            assert client.breaker.state == state

    run(story())


def test_retries_back_off_and_are_bounded() -> None:
    async def story() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client(breaker=Breaker(target.clock, target.log, "border", failures=99))
        assert isinstance(await target.ask(client, retries=3), NotSent)
        began = target.calls[0]
        assert [at - began for at in target.calls] == [0, 1, 3, 7]

    run(story())


def test_an_answer_ends_the_retries() -> None:
    async def story() -> None:
        target = Target(httpx.ReadError("reset"), says(200, receipt=7))
        assert await target.ask(target.client(), retries=3) == Answered(200, {"receipt": 7})
        assert len(target.calls) == 2

    run(story())


def test_what_was_once_unsure_stays_so_without_an_answer() -> None:
    async def story() -> None:
        for last in (httpx.ConnectError("refused"), says(503, error="storage")):
            target = Target(httpx.ReadError("reset"), last)
            assert isinstance(await target.ask(target.client(), retries=1), OutcomeUnknown)

    run(story())


def test_when_everything_fails_retries_are_a_tenth_of_the_calls() -> None:
    async def story() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client(breaker=Breaker(target.clock, target.log, "border", failures=10_000))
        for _ in range(300):
            await target.ask(client, retries=2)
        assert len(target.calls) <= 300 + 10 + 30

    run(story())


def test_an_open_breaker_ends_the_retries_and_keeps_calls_back() -> None:
    async def story() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client()
        await target.ask(client, retries=9)
        assert len(target.calls) == 3
        client.breaker._opened_at = target.clock.now()
        assert isinstance(await client.get("/check"), NotSent)
        assert len(target.calls) == 3

    run(story())


def test_what_is_not_counted_moves_no_breaker() -> None:
    async def story() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client()
        for _ in range(5):
            await client.get("/ready", feed_breaker=False)
        assert client.breaker.state == "closed"

    run(story())
