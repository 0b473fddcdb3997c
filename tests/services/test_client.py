"""The outcome of a call, and how few requests a failing target receives."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from services.kit import Answered, Breaker, Client, NotSent, Outcome, OutcomeUnknown, Refused
from services.kit.testing import Events, FakeClock, fake_world, run

Handler = Callable[[httpx.Request], httpx.Response]


class Target:
    """Answers requests from a script; its last response is repeated."""

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

    async def get(self, client: Client, retries: int = 0) -> Outcome:
        call = asyncio.ensure_future(client.get("/check", retries=retries))
        await self.clock.advance(120)
        return await call


def response(status: int, **body: object) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (response(200, listed=False), Answered(200, {"listed": False})),
        (response(409, error="conflict"), Answered(409, {"error": "conflict"})),
        (
            response(503, error="admission", state="share", reason="recovery", retry_after=60),
            Refused("admission", "border: recovery", 60.0, "share"),
        ),
        (response(429, error="slow down"), Refused("slow down", "border: slow down")),
        (response(500, error="unsure"), OutcomeUnknown("border: unsure")),
        (response(502, reason="proxy"), OutcomeUnknown("border: proxy")),
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
def test_every_result_of_a_call_has_its_own_outcome(
    answer: httpx.Response | Exception, outcome: Outcome
) -> None:
    async def test() -> None:
        target = Target(answer)
        assert await target.get(target.client()) == outcome

    run(test())


def test_a_time_out_is_an_unknown_outcome() -> None:
    async def test() -> None:
        async def never(_request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        world = fake_world()
        http = httpx.AsyncClient(base_url="http://border", transport=httpx.MockTransport(never))
        object.__setattr__(world, "http", lambda _url: http)
        client = Client(world, "border", "http://border", timeout=0.01)
        assert await client.get("/check") == OutcomeUnknown("border did not answer in time")

    run(test())


def test_a_retry_after_is_respected_without_further_requests() -> None:
    async def test() -> None:
        refusal = response(503, error="admission", state="closed", reason="closed", retry_after=300)
        target = Target(refusal, response(200))
        client = target.client()
        first = await target.get(client)
        assert await target.get(client) == first
        assert client.retry_after_left == 60
        assert len(target.calls) == 1
        assert await client.get("/ready", ignore_retry_after=True) == Answered(200, {})
        await target.clock.advance(60)
        assert await target.get(client) == Answered(200, {})

    run(test())


def test_an_admission_refusal_opens_no_breaker_but_a_lost_storage_does() -> None:
    async def test() -> None:
        for error, state in (("admission", "closed"), ("storage", "open")):
            target = Target(response(503, error=error, reason=error))
            client = target.client()
            for _ in range(3):
                await target.get(client)
            assert client.breaker.state == state

    run(test())


def test_retries_back_off_and_are_bounded() -> None:
    async def test() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client(breaker=Breaker(target.clock, target.log, "border", failures=99))
        assert isinstance(await target.get(client, retries=3), NotSent)
        began = target.calls[0]
        assert [at - began for at in target.calls] == [0, 1, 3, 7]

    run(test())


def test_an_answer_ends_the_retries() -> None:
    async def test() -> None:
        target = Target(httpx.ReadError("reset"), response(200, receipt=7))
        assert await target.get(target.client(), retries=3) == Answered(200, {"receipt": 7})
        assert len(target.calls) == 2

    run(test())


def test_an_outcome_stays_unknown_if_no_retry_is_answered() -> None:
    async def test() -> None:
        for last in (httpx.ConnectError("refused"), response(503, error="storage")):
            target = Target(httpx.ReadError("reset"), last)
            assert isinstance(await target.get(target.client(), retries=1), OutcomeUnknown)

    run(test())


def test_when_everything_fails_retries_are_a_tenth_of_the_calls() -> None:
    async def test() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client(breaker=Breaker(target.clock, target.log, "border", failures=10_000))
        for _ in range(300):
            await target.get(client, retries=2)
        assert len(target.calls) <= 300 + 10 + 30

    run(test())


def test_an_open_breaker_ends_the_retries_and_prevents_calls() -> None:
    async def test() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client()
        await target.get(client, retries=9)
        assert len(target.calls) == 3
        client.breaker._opened_at = target.clock.now()
        assert isinstance(await client.get("/check"), NotSent)
        assert len(target.calls) == 3

    run(test())


def test_a_call_that_does_not_feed_the_breaker_leaves_it_closed() -> None:
    async def test() -> None:
        target = Target(httpx.ConnectError("refused"))
        client = target.client()
        for _ in range(5):
            await client.get("/ready", feed_breaker=False)
        assert client.breaker.state == "closed"

    run(test())
