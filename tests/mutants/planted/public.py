"""Bugs of the office, of baggage halls and of a tenant."""

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


def _accept_without_record(self: Office, application: NewApplication) -> Response:
    return reply({"id": application.id, "path": "offline", "source": "journal"}, 202)


loses_applications = planted(office.create, (Office, "_write_down", _accept_without_record))
"""Accepts applications offline without recording them."""

_post = Office._post_application


def _refuse_every_other(numbers: "itertools.count[int]") -> object:
    async def post(self: Office, request: Request) -> Response:
        if next(numbers) % 2:
            raise ApiError(422, "form", "the form has changed")
        return await _post(self, request)

    return post


unwell = planted(
    office.create, (Office, "_post_application", _refuse_every_other(itertools.count()))
)
"""Refuses every other application, with or without an outage."""

# ---- baggage ------------------------------------------------------------------------------------

_page = Hall.page


def _page_without_first(self: Hall, after: str | None, limit: int) -> list[Bag]:
    return [bag for bag in _page(self, after, limit) if bag.tag != min(self._bags)]


loses_a_bag = planted(baggage.create, (Hall, "page", _page_without_first))
"""Omits one bag from its final read."""


def _claim_another(self: Hall, tag: str, passenger: str) -> Bag:
    if tag not in self._bags:
        raise ApiError(404, "unknown", f"no bag {tag} has arrived")
    free = [bag for bag in self._bags.values() if bag.passenger in (None, passenger)]
    bag = free[0]
    bag.passenger = passenger
    return Bag(tag, bag.flight, bag.place, passenger)


wrong_bag = planted(baggage.create, (Hall, "claim", _claim_another))
"""Hands out the first unclaimed bag instead of the one that was asked for."""


async def _crash(self: Staff) -> None:
    await self._clock.sleep(
        10 * 480
    )  # 10 wall-clock seconds at pace 480: travellers have begun to arrive
    raise RuntimeError("the belt has come off")


crashing = planted(baggage.create, (Staff, "watch", _crash))
"""Crashes during the run."""

# ---- a tenant -----------------------------------------------------------------------------------

_status = Tenant._status


def _never_quiescent(self: Tenant) -> Mapping[str, object]:
    return {**_status(self), "quiescent": False}


restless = planted(visa.create, (Tenant, "_status", _never_quiescent))
"""Never reports that it is quiescent."""
