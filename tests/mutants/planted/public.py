"""An office, baggage halls and a tenant with a bug of their own each."""

import itertools
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from services import baggage, office, visa
from services.baggage import Bag, Hall, Staff
from services.kit import ApiError, reply
from services.office import NewApplication, Office
from services.tenant import Tenant

from . import planted

# ---- office -------------------------------------------------------------------------------------


def _into_the_bin(self: Office, application: NewApplication) -> Response:
    return reply({"id": application.id, "path": "offline", "source": "journal"}, 202)


loses_applications = planted(office.create, (Office, "_write_down", _into_the_bin))
"""Thanks for an application that it did not write down."""

_post = Office._post_application


def _every_other(numbers: "itertools.count[int]") -> object:
    async def post(self: Office, request: Request) -> Response:
        if next(numbers) % 2:
            raise ApiError(422, "form", "the form has changed")
        return await _post(self, request)

    return post


unwell = planted(office.create, (Office, "_post_application", _every_other(itertools.count())))
"""Turns every other applicant away, with or without an outage."""

# ---- baggage ------------------------------------------------------------------------------------

_page = Hall.page


def _without_the_first(self: Hall, after: str | None, limit: int) -> list[Bag]:
    return [bag for bag in _page(self, after, limit) if bag.tag != min(self._bags)]


loses_a_bag = planted(baggage.create, (Hall, "page", _without_the_first))
"""One bag is nowhere to be found."""


def _hand_out_another(self: Hall, tag: str, passenger: str) -> Bag:
    if tag not in self._bags:
        raise ApiError(404, "unknown", f"no bag {tag} has arrived")
    free = [bag for bag in self._bags.values() if bag.passenger in (None, passenger)]
    bag = free[0]
    bag.passenger = passenger
    return Bag(tag, bag.flight, bag.place, passenger)


wrong_bag = planted(baggage.create, (Hall, "claim", _hand_out_another))
"""Hands out whatever bag is next on the belt."""


async def _stumble(self: Staff) -> None:
    await self._clock.sleep(10 * 480)  # ten seconds from the start: people have begun to arrive
    raise RuntimeError("the belt has come off")


crashing = planted(baggage.create, (Staff, "watch", _stumble))
"""Dies in the middle of the day."""

# ---- a tenant -----------------------------------------------------------------------------------

_status = Tenant._status


def _always_busy(self: Tenant) -> Mapping[str, object]:
    return {**_status(self), "quiescent": False}


restless = planted(visa.create, (Tenant, "_status", _always_busy))
"""Is never done."""
