"""The contract of `Stack`: the same tests run on every backend."""

import asyncio
import json
import socket
import time

import asyncpg
import httpx
import pytest
from stack_rig import Rig

from harness.errors import StackError

pytestmark = pytest.mark.stack


def test_every_service_is_ready_when_start_returns(stack: Rig) -> None:
    status = {one.service: one for one in stack.stack.status()}

    assert list(status) == ["front", "shelf", "database", "ticker"]
    assert all(one.state == "running" and one.ready and one.pid for one in status.values())
    assert status["front"].address == stack.stack.address("front")
    assert status["ticker"].address is None
    for service in status:
        assert stack.history(service)[:2] == [("started", True), ("ready", True)]


def test_starts_in_the_order_of_depends_on(stack: Rig) -> None:
    events = [(node.service, node.state) for node in stack.nodes]

    assert events.index(("database", "ready")) < events.index(("shelf", "started"))
    assert events.index(("shelf", "ready")) < events.index(("front", "started"))


def test_services_reach_each_other_through_their_links(stack: Rig) -> None:
    assert stack.get("front", "/books").json() == {"answer": 42}


def test_a_link_can_be_cut_while_its_target_is_alive(stack: Rig) -> None:
    proxy = f"http://{stack.stack.toxiproxy()}/proxies/front-shelf"
    with httpx.Client(trust_env=False) as client:
        client.post(proxy, json={"enabled": False})
        try:
            assert stack.get("front", "/books").status_code == 502
            assert stack.get("shelf", "/books").json() == {"answer": 42}
        finally:
            client.post(proxy, json={"enabled": True})
    assert stack.get("front", "/books").json() == {"answer": 42}


def test_every_link_has_a_proxy_at_its_address(stack: Rig) -> None:
    proxies = httpx.get(f"http://{stack.stack.toxiproxy()}/proxies", trust_env=False).json()

    assert set(proxies) == set(stack.stack.spec.links)
    for link in stack.stack.spec.links:
        host, _, port = stack.stack.link_address(link).rpartition(":")
        socket.create_connection((host, int(port)), 5).close()


def test_settings_reach_the_services(stack: Rig) -> None:
    assert stack.get("front", "/health").json()["pace"] == "10.0"
    assert b"from the settings" in b"".join(stack.output("ticker"))


def test_lines_come_with_the_time_at_which_they_were_read(stack: Rig) -> None:
    # Lines of stderr may come first.
    event = {"event": "mode", "mode": "automatic"}
    line, t = next(
        (line, t)
        for service, line, t in stack.lines
        if service == "front" and line.startswith(b"{")
    )

    assert json.loads(line) == event
    assert abs(time.time() - t) < 300
    assert line in (stack.state_dir / "logs" / "front.log").read_bytes()


def test_killed_service_is_down_until_it_is_launched(stack: Rig) -> None:
    before, starts = stack.stack.address("front"), stack.get("front", "/health").json()["starts"]

    stack.stack.kill("front")
    # The port of a killed process refuses; the address of a killed container does not answer.
    with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
        stack.get("front", "/health", timeout=0.5)
    down = next(one for one in stack.stack.status() if one.service == "front")
    assert (down.state, down.ready, down.pid) == ("exited", False, None)
    assert stack.history("front")[-1] == ("exited", True)

    stack.stack.launch("front")
    assert stack.stack.address("front") == before
    assert stack.get("front", "/health").json()["starts"] == starts + 1, "its volume is kept"
    assert stack.get("front", "/books").json() == {"answer": 42}
    assert stack.history("front")[-2:] == [("started", True), ("ready", True)]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_links_to_a_service_that_is_down_fail_at_once_and_recover_with_it(
    stack: Rig, end: str
) -> None:
    getattr(stack.stack, end)("shelf")
    try:
        for _ in range(20):  # none waits for the one before it
            assert stack.get("front", "/books", timeout=1.0).status_code == 502
    finally:
        stack.stack.launch("shelf")

    assert stack.get("front", "/books").json() == {"answer": 42}


def test_stopped_service_can_shut_down_gracefully(stack: Rig) -> None:
    stack.stack.stop("shelf")

    assert "SIGKILL" not in next(n for n in reversed(stack.nodes) if n.service == "shelf").detail
    stack.stack.launch("shelf")
    assert stack.get("front", "/books").json() == {"answer": 42}


def test_paused_service_keeps_its_connections_and_answers_nothing(stack: Rig) -> None:
    stack.stack.pause("shelf")
    try:
        with pytest.raises(httpx.ReadTimeout):
            stack.get("shelf", "/health", timeout=0.3)
        paused = next(one for one in stack.stack.status() if one.service == "shelf")
        assert (paused.state, paused.ready) == ("paused", False)
    finally:
        stack.stack.resume("shelf")

    assert stack.get("shelf", "/health").status_code == 200
    assert stack.history("shelf")[-2:] == [("paused", True), ("resumed", True)]


def test_paused_database_does_not_answer_on_open_connections(stack: Rig) -> None:
    async def body() -> None:
        connection = await asyncpg.connect(_dsn(stack))
        try:
            stack.stack.pause("database")
            with pytest.raises(TimeoutError):
                await connection.fetchval("SELECT 1", timeout=0.3)
        finally:
            stack.stack.resume("database")
            await connection.close(timeout=10)

    asyncio.run(body())


def test_killed_database_keeps_what_was_committed(stack: Rig) -> None:
    async def write() -> None:
        connection = await asyncpg.connect(_dsn(stack))
        await connection.execute("CREATE TABLE book AS SELECT 'Tempo' AS title")
        await connection.close()

    async def read() -> str:
        connection = await asyncpg.connect(_dsn(stack))
        try:
            return str(await connection.fetchval("SELECT title FROM book"))
        finally:
            await connection.execute("DROP TABLE book")
            await connection.close()

    asyncio.run(write())
    stack.stack.kill("database")
    stack.stack.launch("database")
    assert asyncio.run(read()) == "Tempo"


def test_database_requires_the_password(stack: Rig) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(asyncpg.connect(_dsn(stack, password="wrong")))


def test_operations_without_effect_are_no_ops(stack: Rig) -> None:
    before = stack.pid("ticker")

    stack.stack.launch("ticker")
    assert stack.pid("ticker") == before
    stack.stack.resume("ticker")
    stack.stack.kill("ticker")
    stack.stack.kill("ticker")
    stack.stack.stop("ticker")
    with pytest.raises(StackError, match="ticker is not running; launch it first"):
        stack.stack.pause("ticker")
    stack.stack.launch("ticker")


def test_unknown_names_are_reported_with_the_known_ones(stack: Rig) -> None:
    with pytest.raises(StackError, match="no service is called 'bank'; one of front, shelf"):
        stack.stack.kill("bank")
    with pytest.raises(StackError, match="no link is called 'x'; one of front-shelf"):
        stack.stack.link_address("x")
    with pytest.raises(StackError, match=r"ticker: has no port; give it one in x-harness\.port"):
        stack.stack.address("ticker")


def test_versions_of_components_are_reported(stack: Rig) -> None:
    versions = stack.stack.versions()

    assert versions["postgresql"].startswith("18")
    assert versions["toxiproxy"][0].isdigit()
    assert versions["python"]


def _dsn(stack: Rig, password: str = "secret") -> str:
    return f"postgresql://keeper:{password}@{stack.stack.address('database')}/shelf"
