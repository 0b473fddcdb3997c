"""Lines in front of desks that open and close."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import Desks, DesksClosedError
from services.kit.testing import run, run_until_idle


class Hall:
    """People who come, are served until told to leave, or lose patience."""

    def __init__(self, size: int) -> None:
        self.desks = Desks(size)
        self.served: list[int] = []
        self.leave: dict[int, asyncio.Event] = {}
        self.people: dict[int, asyncio.Task[None]] = {}

    async def come(self, person: int) -> None:
        async def stay() -> None:
            with contextlib.suppress(DesksClosedError):
                async with self.desks.acquire():
                    self.served.append(person)
                    await self.leave[person].wait()

        self.leave[person] = asyncio.Event()
        self.people[person] = asyncio.ensure_future(stay())
        await run_until_idle()

    async def go(self, person: int) -> None:
        self.leave[person].set()
        await run_until_idle()


def test_they_are_served_in_the_order_in_which_they_came() -> None:
    async def story() -> None:
        hall = Hall(2)
        for person in range(5):
            await hall.come(person)
        assert (hall.served, hall.desks.waiting, hall.desks.busy) == ([0, 1], 3, 2)
        for person in range(5):
            await hall.go(person)
        assert (hall.served, hall.desks.busy) == ([0, 1, 2, 3, 4], 0)

    run(story())


def test_desks_have_the_lowest_free_number() -> None:
    async def story() -> None:
        desks = Desks(3)
        async with desks.acquire() as first, desks.acquire() as second:
            assert (first, second) == (1, 2)
        async with desks.acquire() as again:
            assert again == 1

    run(story())


def test_a_desk_that_closes_finishes_with_its_traveller() -> None:
    async def story() -> None:
        hall = Hall(2)
        for person in range(3):
            await hall.come(person)
        hall.desks.resize(1)
        await hall.go(0)
        assert hall.served == [0, 1]
        await hall.go(1)
        assert hall.served == [0, 1, 2]
        await hall.go(2)

    run(story())


def test_when_the_last_closes_nobody_waits_in_vain() -> None:
    async def story() -> None:
        hall = Hall(1)
        await hall.come(0)
        await hall.come(1)
        hall.desks.resize(0)
        await run_until_idle()
        assert hall.people[1].done()
        assert not hall.people[0].done()
        with pytest.raises(DesksClosedError):
            async with hall.desks.acquire():
                pass
        await hall.go(0)

    run(story())


def test_who_is_called_in_the_moment_of_leaving_hands_the_desk_on() -> None:
    async def story() -> None:
        hall = Hall(1)
        for person in range(3):
            await hall.come(person)
        hall.leave[0].set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        hall.people[1].cancel()
        await run_until_idle()
        assert hall.served in ([0, 2], [0, 1, 2])
        assert hall.desks.busy == 1
        await hall.go(2)
        assert hall.desks.busy == 0

    run(story())


moves = st.lists(
    st.tuples(st.sampled_from(["come", "go", "cancel", "resize"]), st.integers(0, 5)), max_size=40
)


@settings(deadline=None)
@given(moves)
def test_no_desk_is_lost_and_nobody_waits_at_a_free_one(history: list[tuple[str, int]]) -> None:
    async def story() -> None:
        hall = Hall(2)
        for number, (verb, value) in enumerate(history):
            present = [p for p, task in hall.people.items() if not task.done()]
            if verb == "come":
                await hall.come(number)
            elif verb == "resize":
                hall.desks.resize(value)
            elif present and verb == "go":
                hall.leave[present[value % len(present)]].set()
            elif present:
                hall.people[present[value % len(present)]].cancel()
            await run_until_idle()
            assert not hall.desks.waiting or hall.desks.busy >= hall.desks.size
        hall.desks.resize(1)
        for event in hall.leave.values():
            event.set()
        await run_until_idle()
        assert (hall.desks.busy, hall.desks.waiting) == (0, 0)
        assert all(task.done() for task in hall.people.values())

    run(story())
