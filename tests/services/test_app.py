"""The app that all services share: errors, pages, background tasks, gauges, health check."""

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


async def post_order(request: Request) -> Response:
    order = await read_body(request, Order)
    if order.size > 9:
        raise ApiError(503, "full", "no free slot", retry_after=90, limit=9)
    return reply(order, 201)


async def numbers(request: Request) -> Response:
    after, limit = read_numbered_page(request)
    items = [number for number in range(1, 8) if number > after][:limit]
    return page_reply(request, items, items[-1] if items else None, limit)


def app_of(world: World, **more: object) -> Starlette:
    return build_app(
        world,
        routes=[Route("/orders", post_order, methods=["POST"]), Route("/numbers", numbers)],
        status=lambda: {"mode": "automatic", "quiescent": True, "orders": 3},
        **more,  # type: ignore[arg-type]
    )


def test_health_answers_ok_and_status_has_the_services_fields() -> None:
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
def test_an_invalid_body_is_answered_400(body: bytes) -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.post("/orders", content=body)
            assert answer.status_code == 400
            assert answer.json()["error"] == "body"
            assert answer.json()["reason"]

    run(test())


def test_an_error_response_has_code_reason_and_retry_after() -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.post("/orders", json={"id": "a", "size": 10})
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "90"
            body = {"error": "full", "reason": "no free slot", "limit": 9, "retry_after": 90}
            assert answer.json() == body

    run(test())


def test_unknown_paths_and_methods_are_answered_in_json() -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            assert (await http.get("/nowhere")).json()["error"] == "unknown"
            assert (await http.get("/orders")).json()["error"] == "method"

    run(test())


def test_pages_are_linked_and_the_last_has_no_next() -> None:
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
def test_invalid_page_parameters_are_answered_400(query: str) -> None:
    async def test() -> None:
        async with running(app_of(fake_world())) as http:
            answer = await http.get(f"/numbers?{query}")
            assert (answer.status_code, answer.json()["error"]) == (400, "query")

    run(test())


def test_background_tasks_run_from_startup_to_shutdown() -> None:
    async def test() -> None:
        calls: list[str] = []

        async def work() -> None:
            calls.append("begin")
            try:
                await asyncio.Event().wait()
            finally:
                calls.append("end")

        async def startup() -> None:
            calls.append("startup")

        async def shutdown() -> None:
            calls.append("shutdown")

        app = app_of(fake_world(), background=[work], on_startup=startup, on_shutdown=shutdown)
        async with running(app):
            assert calls == ["startup", "begin"]
        assert calls == ["startup", "begin", "end", "shutdown"]

    run(test())


def test_a_failed_background_task_ends_the_service() -> None:
    async def test() -> None:
        log = Events()
        crashed = []

        async def work() -> None:
            raise RuntimeError("no connection")

        base = fake_world(log=log)
        world = World(**{**base.__dict__, "crash": lambda: crashed.append(True)})
        async with running(app_of(world, background=[work])) as http:
            answer = await http.get("/health")
            assert answer.status_code == 500
            assert answer.json() == {"error": "crash", "reason": "RuntimeError: no connection"}
        (event,) = log.named("crash")
        assert "work" in str(event["task"])
        assert "no connection" in str(event["trace"])
        assert crashed == [True]

    run(test())


def test_a_background_task_may_return() -> None:
    async def test() -> None:
        async def work() -> None:
            return

        async with running(app_of(fake_world(), background=[work])) as http:
            assert (await http.get("/health")).status_code == 200

    run(test())


def test_a_gauge_is_logged_only_when_a_value_has_changed() -> None:
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


def test_a_gauge_with_deltas_is_logged_as_long_as_events_occur() -> None:
    async def test() -> None:
        clock, log = FakeClock(), Events()
        served = [0]
        world = fake_world(clock=clock, log=log)
        task = asyncio.ensure_future(
            log_gauge(world, lambda: {"served": served[0]}, deltas=["served"])
        )
        await run_until_idle()
        served[0] = 2
        await clock.advance(120)
        served[0] = 0
        await clock.advance(180)
        task.cancel()
        assert [event["served"] for event in log.named("gauge")] == [0, 2, 2, 0]

    run(test())


def test_the_container_health_check_detects_a_stopped_service(monkeypatch: object) -> None:
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


def test_a_url_without_an_app_refuses_connections() -> None:
    async def test() -> None:
        async with fake_world().http("http://nowhere") as http:
            with pytest.raises(httpx.ConnectError):
                await http.get("/")

    run(test())
