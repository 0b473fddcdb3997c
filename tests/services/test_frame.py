"""What every app does alike."""

import asyncio

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import (
    ApiError,
    World,
    build_app,
    log_gauge,
    page_reply,
    read_body,
    read_numbered_page,
    reply,
)
from services.kit.testing import Events, FakeClock, fake_world, run, run_until_idle, running


class Order(msgspec.Struct):
    id: str
    size: int


async def take(request: Request) -> Response:
    order = await read_body(request, Order)
    if order.size > 9:
        raise ApiError(503, "full", "no room", retry_after=90, limit=9)
    return reply(order, 201)


async def numbers(request: Request) -> Response:
    after, limit = read_numbered_page(request)
    items = [number for number in range(1, 8) if number > after][:limit]
    return page_reply(request, items, items[-1] if items else None, limit)


def app_of(world: World, **more: object) -> Starlette:
    return build_app(
        world,
        routes=[Route("/orders", take, methods=["POST"]), Route("/numbers", numbers)],
        status=lambda: {"mode": "automatic", "quiescent": True, "orders": 3},
        **more,  # type: ignore[arg-type]
    )


def test_health_says_alive_and_status_what_is_going_on() -> None:
    async def test() -> None:
        async with running(app_of(fake_world("shop"))) as http:
            assert (await http.get("/health")).json() == {"status": "ok"}
            status = (await http.get("/status")).json()
            assert status == {
                "service": "shop",
                "mode": "automatic",
                "quiescent": True,
                "orders": 3,
            }

    run(test())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"id": "a"}', b'{"id": 1, "size": 2}', b"\xff"]
)
def test_a_body_that_is_not_what_was_asked_for_is_the_callers_fault(body: bytes) -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.post("/orders", content=body)
            assert answer.status_code == 400
            assert answer.json()["error"] == "body"
            assert answer.json()["reason"]

    run(test())


def test_an_error_tells_code_reason_and_when_to_come_back() -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.post("/orders", json={"id": "a", "size": 10})
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "90"
            told = {"error": "full", "reason": "no room", "limit": 9, "retry_after": 90}
            assert answer.json() == told

    run(test())


def test_unknown_paths_and_methods_are_answered_in_json() -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            assert (await http.get("/nowhere")).json()["error"] == "unknown"
            assert (await http.get("/orders")).json()["error"] == "method"

    run(test())


def test_pages_lead_to_each_other_and_end() -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            seen, path = [], "/numbers?limit=3"
            while path:
                page = (await http.get(path)).json()
                seen.append(page["items"])
                path = page["next"]
            assert seen == [[1, 2, 3], [4, 5, 6], [7]]

    run(test())


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "limit=99999", "after=x", "limit=-1"])
def test_a_page_that_cannot_be_is_the_callers_fault(query: str) -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.get(f"/numbers?{query}")
            assert (answer.status_code, answer.json()["error"]) == (400, "query")

    run(test())


def test_the_background_runs_from_start_to_shutdown() -> None:
    async def test() -> None:
        told: list[str] = []

        async def work() -> None:
            told.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                told.append("ended")

        async def opening() -> None:
            told.append("opening")

        async def closing() -> None:
            told.append("closing")

        app = app_of(fake_world(), background=[work], on_startup=opening, on_shutdown=closing)
        async with running(app):
            assert told == ["opening", "begun"]
        assert told == ["opening", "begun", "ended", "closing"]

    run(test())


def test_a_background_task_that_dies_takes_the_service_with_it() -> None:
    async def test() -> None:
        log = Events()
        crashed = []

        async def work() -> None:
            raise RuntimeError("lost my way")

        base = fake_world(log=log)
        world = World(**{**base.__dict__, "crash": lambda: crashed.append(True)})
        async with running(app_of(world, background=[work])) as http:
            answer = await http.get("/health")
            assert answer.status_code == 500
            assert answer.json() == {"error": "crash", "reason": "RuntimeError: lost my way"}
        (event,) = log.named("crash")
        assert "work" in str(event["task"])
        assert "lost my way" in str(event["trace"])
        assert crashed == [True]

    run(test())


def test_a_background_task_may_end() -> None:
    async def test() -> None:
        async def work() -> None:
            return

        async with running(app_of(fake_world(), background=[work])) as http:
            assert (await http.get("/health")).status_code == 200

    run(test())


def test_a_gauge_speaks_while_something_changes() -> None:
    async def test() -> None:
        clock, log = FakeClock(), Events()
        waiting = [0]
        task = asyncio.ensure_future(
            log_gauge(fake_world(clock=clock, log=log), lambda: {"waiting": waiting[0]})
        )
        await run_until_idle()
        await clock.advance(180)
        waiting[0] = 4
        await clock.advance(180)
        task.cancel()
        assert [event["waiting"] for event in log.named("gauge")] == [0, 4]

    run(test())


def test_a_gauge_of_a_flow_speaks_as_long_as_it_flows() -> None:
    async def test() -> None:
        clock, log = FakeClock(), Events()
        flow = [0]
        world = fake_world(clock=clock, log=log)
        task = asyncio.ensure_future(
            log_gauge(world, lambda: {"served": flow[0]}, deltas=["served"])
        )
        await run_until_idle()
        flow[0] = 2
        await clock.advance(120)
        flow[0] = 0
        await clock.advance(180)
        task.cancel()
        assert [event["served"] for event in log.named("gauge")] == [0, 2, 2, 0]

    run(test())


def test_the_container_check_knows_the_living_from_the_dead(monkeypatch: object) -> None:
    from services.kit.health import is_healthy

    async def test() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(is_healthy, port, 10)
        server.close()
        await server.wait_closed()
        assert not await asyncio.to_thread(is_healthy, port, 10)

    run(test())


def test_clients_without_a_target_are_refused() -> None:
    async def test() -> None:
        async with fake_world().http("http://nowhere") as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("/")

    run(test())
