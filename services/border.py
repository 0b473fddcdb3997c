"""The crossing application: the ledger of who passed which border, each crossing exactly once.

A crossing is known by the id that its gate or counter gave it. Brought again, however often and by
whatever way, it has the receipt that it got the first time; so whoever missed an answer asks
again. Late records come from journals that were written while this service was away. Their
travellers have long passed: they are entered as they are, and what would have stopped them (they
are on the watchlist) is flagged.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.kit import ApiError, World, deploy, page_reply, read_body, read_numbered_page, reply
from services.store import Credential, Crossing, Recorded, Registry, Traveller
from services.tenant import Tenant


class NewCrossing(msgspec.Struct):
    """A traveller whom a gate or an officer is about to let through."""

    id: str
    document: str
    nationality: str
    airport: str
    flight: str
    direction: str
    channel: Literal["autogate", "counter"]
    recorded_at: float


class LateRecord(msgspec.Struct):
    """A traveller who was let through by hand, out of a journal."""

    id: str
    document: str
    nationality: str
    airport: str
    flight: str
    direction: str
    channel: Literal["late"]
    recorded_at: float
    officer: str
    snapshot_version: int | None


class Batch(msgspec.Struct):
    """Late records, oldest first."""

    records: list[LateRecord]


def create(world: World) -> Starlette:
    """The border service."""
    tenant = Tenant(world)

    async def record(request: Request, registry: Registry) -> Response:
        crossing = msgspec.convert(
            await read_body(request, NewCrossing), Crossing, from_attributes=True
        )
        objection = _objection(await registry.traveller(crossing.document), world.clock.now())
        if objection is None:
            (recorded,) = await registry.record([crossing])
        else:
            # Whoever was let through was let through, even if the visa was cancelled since.
            known = await registry.recorded(crossing)
            if known is None:
                raise objection
            recorded = known
        return _answer(crossing, recorded)

    async def enter(request: Request, registry: Registry) -> Response:
        batch = await read_body(request, Batch)
        crossings = [msgspec.convert(one, Crossing, from_attributes=True) for one in batch.records]
        recorded = await registry.record(crossings)
        results = [
            {"id": crossing.id, **msgspec.to_builtins(one)}
            for crossing, one in zip(crossings, recorded, strict=True)
        ]
        return reply({"results": results})

    async def crossings(request: Request, registry: Registry) -> Response:
        after, limit = read_numbered_page(request)
        page = await registry.crossings(after, limit)
        return page_reply(request, page, page[-1].receipt if page else None, limit)

    return tenant.app(
        tenant.route("/crossings", record, "POST"),
        tenant.route("/crossings/batch", enter, "POST"),
        tenant.route("/crossings", crossings, kind="read"),
    )


def _answer(crossing: Crossing, recorded: Recorded) -> Response:
    if recorded.outcome == "conflict":
        reason = f"{crossing.id} is in the ledger with other content"
        raise ApiError(409, "conflict", reason, receipt=recorded.receipt)
    told = {"id": crossing.id, "receipt": recorded.receipt, "source": "central"}
    return reply(told, 201 if recorded.outcome == "recorded" else 200)


def _objection(traveller: Traveller | None, now: float) -> ApiError | None:
    """Why a traveller may not pass, if there is a reason."""
    if traveller is None:
        return ApiError(422, "document", "no such document was issued")
    if not _valid(traveller.passport, now):
        return ApiError(422, "document", "the passport has expired or was cancelled")
    if traveller.needs is None:
        return None
    if traveller.permission is None or not _valid(traveller.permission, now):
        return ApiError(422, "visa", f"no valid {traveller.needs}")
    return None


def _valid(credential: Credential, now: float) -> bool:
    today = datetime.fromtimestamp(now, UTC).date()
    return not credential.cancelled and credential.until >= today


app = deploy(create)
