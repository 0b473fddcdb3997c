"""The queue for desks that open and close."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import Desks, DesksClosedError
from services.kit.testing import run, run_until_idle


class Clients:
    """Clients that arrive, are served until told to leave, or are cancelled."""

    def __init__(self, size: int) -> None:
        self.desks = Desks(size)
        self.served: list[int] = []
        self.leave: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def arrive(self, client: int) -> None:
        async def stay() -> None:
            with contextlib.suppress(DesksClosedError):
                async with self.desks.acquire():
                    self.served.append(client)
                    await self.leave[client].wait()

        self.leave[client] = asyncio.Event()
        self.tasks[client] = asyncio.ensure_future(stay())
        await run_until_idle()

    async def finish(self, client: int) -> None:
        self.leave[client].set()
        await run_until_idle()


def test_clients_are_served_in_order_of_arrival() -> None:
    async def test() -> None:
        clients = Clients(2)
        for client in range(5):
            await clients.arrive(client)
        assert (clients.served, clients.desks.waiting, clients.desks.busy) == ([0, 1], 3, 2)
        for client in range(5):
            await clients.finish(client)
        assert (clients.served, clients.desks.busy) == ([0, 1, 2, 3, 4], 0)

    run(test())


def test_a_desk_has_the_lowest_free_number() -> None:
    async def test() -> None:
        desks = Desks(3)
        async with desks.acquire() as first, desks.acquire() as second:
            assert (first, second) == (1, 2)
        async with desks.acquire() as again:
            assert again == 1

    run(test())


def test_a_desk_in_use_closes_only_after_it_is_released() -> None:
    async def test() -> None:
        clients = Clients(2)
        for client in range(3):
            await clients.arrive(client)
        clients.desks.resize(1)
        await clients.finish(0)
        assert clients.served == [0, 1]
        await clients.finish(1)
        assert clients.served == [0, 1, 2]
        await clients.finish(2)

    run(test())


def test_when_the_last_desk_closes_waiting_clients_get_an_error() -> None:
    async def test() -> None:
        clients = Clients(1)
        await clients.arrive(0)
        await clients.arrive(1)
        clients.desks.resize(0)
        await run_until_idle()
        assert clients.tasks[1].done()
        assert not clients.tasks[0].done()
        with pytest.raises(DesksClosedError):
            async with clients.desks.acquire():
                pass
        await clients.finish(0)

    run(test())


def test_a_client_cancelled_while_a_desk_is_assigned_releases_it() -> None:
    async def test() -> None:
        clients = Clients(1)
        for client in range(3):
            await clients.arrive(client)
        clients.leave[0].set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clients.tasks[1].cancel()
        await run_until_idle()
        assert clients.served in ([0, 2], [0, 1, 2])
        assert clients.desks.busy == 1
        await clients.finish(2)
        assert clients.desks.busy == 0

    run(test())


moves = st.lists(
    st.tuples(st.sampled_from(["arrive", "finish", "cancel", "resize"]), st.integers(0, 5)),
    max_size=40,
)


@settings(deadline=None)
@given(moves)
def test_no_desk_is_lost_and_no_client_waits_while_a_desk_is_free(
    history: list[tuple[str, int]],
) -> None:
    async def test() -> None:
        clients = Clients(2)
        for number, (verb, value) in enumerate(history):
            present = [p for p, task in clients.tasks.items() if not task.done()]
            if verb == "arrive":
                await clients.arrive(number)
            elif verb == "resize":
                clients.desks.resize(value)
            elif present and verb == "finish":
                clients.leave[present[value % len(present)]].set()
            elif present:
                clients.tasks[present[value % len(present)]].cancel()
            await run_until_idle()
            assert not clients.desks.waiting or clients.desks.busy >= clients.desks.size
        clients.desks.resize(1)
        for event in clients.leave.values():
            event.set()
        await run_until_idle()
        assert (clients.desks.busy, clients.desks.waiting) == (0, 0)
        assert all(task.done() for task in clients.tasks.values())

    run(test())
