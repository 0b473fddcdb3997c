"""The airline's baggage handling: bags on a belt, or lined up while their owners are delayed.

When the immigration queue delays a flight's passengers, their bags would fill the claim area.
Staff then take them off the belt and line them up by tag, so that a passenger only has to match
the number. The delay is read from the counter. A counter that does not answer counts as a delay
that lasts since its last answer.
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

_TAG_DIGITS = 10  # an IATA baggage tag number ("licence plate")


class FlightBags(msgspec.Struct):
    """The body of `POST /flights/{flight}`."""

    tags: list[str]


class Claim(msgspec.Struct):
    """The body of `POST /bags/{tag}/claim`: the passenger, identified by the crossing's id."""

    passenger: str


@dataclass
class Bag:
    """A bag that has arrived."""

    tag: str
    flight: str
    place: Literal["belt", "line"] = "belt"
    """Where the bag is, or was when it was claimed."""
    passenger: str | None = None


class Hall:
    """The claim hall: all bags that have arrived, by tag."""

    def __init__(self) -> None:
        self._bags: dict[str, Bag] = {}

    def add(self, flight: str, tags: list[str]) -> None:
        """Put a flight's bags on the belt; bags that are known already are ignored.

        Raises:
            ApiError: A tag is invalid, or belongs to another flight. Then no bag is added.
        """
        for tag in tags:
            if len(tag) != _TAG_DIGITS or not (tag.isascii() and tag.isdigit()):
                raise ApiError(400, "tag", f"a tag has {_TAG_DIGITS} digits, not {tag!r}")
            known = self._bags.get(tag)
            if known is not None and known.flight != flight:
                raise ApiError(409, "conflict", f"bag {tag} arrived with flight {known.flight}")
        for tag in tags:
            self._bags.setdefault(tag, Bag(tag, flight))

    def claim(self, tag: str, passenger: str) -> Bag:
        """Hand a bag to a passenger; repeating the same claim has no effect.

        Raises:
            ApiError: There is no such bag, or another passenger has claimed it.
        """
        bag = self._bags.get(tag)
        if bag is None:
            raise ApiError(404, "unknown", f"no bag {tag} has arrived")
        if bag.passenger not in (None, passenger):
            raise ApiError(409, "conflict", f"bag {tag} was claimed by another passenger")
        bag.passenger = passenger
        return bag

    def on_belt(self) -> dict[str, list[Bag]]:
        """Return the unclaimed bags on the belt, by flight."""
        flights: dict[str, list[Bag]] = {}
        for bag in self._bags.values():
            if bag.place == "belt" and bag.passenger is None:
                flights.setdefault(bag.flight, []).append(bag)
        return flights

    def page(self, after: str | None, limit: int) -> list[Bag]:
        """Return bags in order of their tags, from the first tag above `after`."""
        tags = sorted(tag for tag in self._bags if after is None or tag > after)
        return [self._bags[tag] for tag in tags[:limit]]

    def numbers(self) -> dict[str, object]:
        """Return the numbers of bags by place, for `/status` and gauges."""
        unclaimed = [bag for bag in self._bags.values() if bag.passenger is None]
        lined_up = sum(bag.place == "line" for bag in unclaimed)
        return {
            "bags": len(self._bags),
            "claimed": len(self._bags) - len(unclaimed),
            "belt": len(unclaimed) - lined_up,
            "line": lined_up,
        }


class Staff:
    """Monitors the immigration queue while bags are on the belt, and lines the bags up if needed.

    `LINE_UP_AFTER` in the environment is the delay, in scenario seconds, above which they do so.
    """

    def __init__(self, world: World, hall: Hall) -> None:
        self._clock = world.clock
        self._log = world.log
        self._hall = hall
        self._max_delay = world.seconds("LINE_UP_AFTER", 900)
        self._every = world.clock.with_floor(60)
        self.counter = Client(world, "counter", world.env["COUNTER"])
        self._silent_since: float | None = None
        self.delay = 0.0

    async def watch(self) -> None:
        """Check the queue every minute for ever, as long as bags are on the belt."""
        while True:
            if self._hall.on_belt():
                await self.check_queue()
            else:
                self._silent_since = None  # the counter is not silent while it is not called
            await self._clock.sleep(self._every)

    async def check_queue(self) -> None:
        """Read the delay from the counter; if it is too long, line up the bags on the belt."""
        self.delay = await self._read_delay()
        if self.delay <= self._max_delay:
            return
        for flight, bags in self._hall.on_belt().items():
            for bag in bags:
                bag.place = "line"
            self._log("lineup", flight=flight, delay=round(self.delay), bags=len(bags))

    async def _read_delay(self) -> float:
        """Return the delay that the counter reports, or the time since its last answer."""
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
    """Return the app of one airport's baggage handling."""
    hall = Hall()
    staff = Staff(world, hall)

    async def add(request: Request) -> Response:
        flight = request.path_params["flight"]
        arrived = await read_body(request, FlightBags)
        hall.add(flight, arrived.tags)
        return reply({"flight": flight, "bags": len(arrived.tags)}, 201)

    async def claim(request: Request) -> Response:
        body = await read_body(request, Claim)
        bag = hall.claim(request.path_params["tag"], body.passenger)
        return reply({"tag": bag.tag, "passenger": bag.passenger, "from": bag.place})

    async def bags(request: Request) -> Response:
        after, limit = read_page(request)
        page = hall.page(after, limit)
        return page_reply(request, page, page[-1].tag if page else None, limit)

    def status() -> Mapping[str, object]:
        # A bag that has not been claimed yet is not work in progress.
        return {"mode": "automatic", "quiescent": True, "delay": staff.delay, **hall.numbers()}

    return build_app(
        world,
        routes=[
            Route("/flights/{flight}", add, methods=["POST"]),
            Route("/bags/{tag}/claim", claim, methods=["POST"]),
            Route("/bags", bags, methods=["GET"]),
        ],
        status=status,
        background=[staff.watch, partial(log_gauge, world, hall.numbers)],
        on_shutdown=staff.counter.close,
    )


app = deploy(create)
