"""The airline's baggage: bags on a belt, and in a line when their owners are held up.

When the immigration queue delays a flight's passengers, their bags would fill the claim area. So
staff take them off the belt and line them up by tag: a passenger then only has to match the
number. How long the queue is, the counter is asked; a counter that has not answered for as long
as it takes to worry is taken to be in trouble.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import (
    Answered,
    ApiError,
    Client,
    World,
    build_app,
    deploy,
    log_gauge,
    page_reply,
    read_body,
    read_page,
    reply,
)

_DIGITS = 10  # IATA's licence plate


class Landed(msgspec.Struct):
    """The body of `POST /flights/{flight}`."""

    tags: list[str]


class Claim(msgspec.Struct):
    """The body of `POST /bags/{tag}/claim`: who takes the bag, by crossing."""

    passenger: str


@dataclass
class Bag:
    """A bag that has arrived."""

    tag: str
    flight: str
    place: Literal["belt", "line"] = "belt"
    """Where it is, or was when it was claimed."""
    passenger: str | None = None


class Hall:
    """The claim hall: all bags, by tag."""

    def __init__(self) -> None:
        self._bags: dict[str, Bag] = {}

    def land(self, flight: str, tags: list[str]) -> None:
        """Put a flight's bags on the belt; told twice, they are there once.

        Raises:
            ApiError: a tag is none, or belongs to another flight; then no bag was taken.
        """
        for tag in tags:
            if len(tag) != _DIGITS or not (tag.isascii() and tag.isdigit()):
                raise ApiError(400, "tag", f"a tag has {_DIGITS} digits, not {tag!r}")
            known = self._bags.get(tag)
            if known is not None and known.flight != flight:
                raise ApiError(409, "conflict", f"bag {tag} came with {known.flight}")
        for tag in tags:
            self._bags.setdefault(tag, Bag(tag, flight))

    def claim(self, tag: str, passenger: str) -> Bag:
        """Hand a bag over, once; to the same passenger again.

        Raises:
            ApiError: there is no such bag, or somebody else has it.
        """
        bag = self._bags.get(tag)
        if bag is None:
            raise ApiError(404, "unknown", f"no bag {tag} has arrived")
        if bag.passenger not in (None, passenger):
            raise ApiError(409, "conflict", f"bag {tag} was handed to somebody else")
        bag.passenger = passenger
        return bag

    def on_belt(self) -> dict[str, list[Bag]]:
        """The bags that still go round, by flight."""
        flights: dict[str, list[Bag]] = {}
        for bag in self._bags.values():
            if bag.place == "belt" and bag.passenger is None:
                flights.setdefault(bag.flight, []).append(bag)
        return flights

    def page(self, after: str | None, limit: int) -> list[Bag]:
        """Bags by tag, beginning after one."""
        tags = sorted(tag for tag in self._bags if after is None or tag > after)
        return [self._bags[tag] for tag in tags[:limit]]

    def numbers(self) -> dict[str, object]:
        """How many bags there are, and where."""
        unclaimed = [bag for bag in self._bags.values() if bag.passenger is None]
        lined_up = sum(bag.place == "line" for bag in unclaimed)
        return {
            "bags": len(self._bags),
            "claimed": len(self._bags) - len(unclaimed),
            "belt": len(unclaimed) - lined_up,
            "line": lined_up,
        }


class Staff:
    """Looks at the immigration queue while bags are on the belt, and lines them up."""

    def __init__(self, world: World, hall: Hall) -> None:
        self._clock = world.clock
        self._log = world.log
        self._hall = hall
        self._worry = world.seconds("LINE_UP_AFTER", 900)
        self._every = world.clock.with_floor(60)
        self.counter = Client(world, "counter", world.env["COUNTER"])
        self._silent_since: float | None = None
        self.delay = 0.0

    async def watch(self) -> None:
        """Look for ever, as long as there is a reason to."""
        while True:
            if self._hall.on_belt():
                await self.look()
            else:
                self._silent_since = None  # not asked is not unanswered
            await self._clock.sleep(self._every)

    async def look(self) -> None:
        """Ask the counter, and line up what goes round while its owners wait."""
        self.delay = await self._ask()
        if self.delay <= self._worry:
            return
        for flight, bags in self._hall.on_belt().items():
            for bag in bags:
                bag.place = "line"
            self._log("lineup", flight=flight, delay=round(self.delay), bags=len(bags))

    async def _ask(self) -> float:
        """The delay as the counter tells it, or for how long it has told none."""
        outcome = await self.counter.get("/queue")
        now = self._clock.now()
        delay = outcome.body.get("delay") if isinstance(outcome, Answered) and outcome.ok else None
        if isinstance(delay, int | float):
            self._silent_since = None
            return float(delay)
        if self._silent_since is None:
            self._silent_since = now
        return now - self._silent_since


def create(world: World) -> Starlette:
    """The baggage handling of one airport."""
    hall = Hall()
    staff = Staff(world, hall)

    async def land(request: Request) -> Response:
        flight = request.path_params["flight"]
        landed = await read_body(request, Landed)
        hall.land(flight, landed.tags)
        return reply({"flight": flight, "bags": len(landed.tags)}, 201)

    async def claim(request: Request) -> Response:
        wish = await read_body(request, Claim)
        bag = hall.claim(request.path_params["tag"], wish.passenger)
        return reply({"tag": bag.tag, "passenger": bag.passenger, "from": bag.place})

    async def bags(request: Request) -> Response:
        after, limit = read_page(request)
        page = hall.page(after, limit)
        return page_reply(request, page, page[-1].tag if page else None, limit)

    def status() -> Mapping[str, object]:
        # A bag that waits for its owner is no work in progress.
        return {"mode": "automatic", "quiescent": True, "delay": staff.delay, **hall.numbers()}

    return build_app(
        world,
        routes=[
            Route("/flights/{flight}", land, methods=["POST"]),
            Route("/bags/{tag}/claim", claim, methods=["POST"]),
            Route("/bags", bags, methods=["GET"]),
        ],
        status=status,
        background=[staff.watch, partial(log_gauge, world, hall.numbers)],
        closing=staff.counter.close,
    )


app = deploy(create)
