"""The crossing application: a ledger that records each border crossing exactly once.

A crossing is identified by the id that its autogate or counter gave it. Recording it again, however
often and through whichever channel, returns the receipt of the first time, so a client that missed
the answer retries. Late records come from journals that were written while this service was
unavailable. Their travellers have already been admitted, so the records are entered unchecked, and
a traveller who is on the watchlist is flagged as a late hit.
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.kit import ApiError, World, deploy, page_reply, read_body, read_numbered_page, reply
from services.store import Credential, Crossing, DocumentHolder, Recorded, Registry
from services.tenant import Tenant


class NewCrossing(msgspec.Struct):
    """The body of `POST /crossings`: a traveller whom a gate or an officer is about to admit."""

    id: str
    document: str
    nationality: str
    airport: str
    flight: str
    direction: str
    channel: Literal["autogate", "counter"]
    recorded_at: float


class LateRecord(msgspec.Struct):
    """A crossing from a journal: the traveller was admitted after a manual check."""

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
    """The body of `POST /crossings/batch`: late records, oldest first."""

    records: list[LateRecord]


def create(world: World) -> Starlette:
    """Return the app of the border service."""
    tenant = Tenant(world)

    async def record(request: Request, registry: Registry) -> Response:
        crossing = msgspec.convert(
            await read_body(request, NewCrossing), Crossing, from_attributes=True
        )
        holder = await registry.find_holder(crossing.document)
        refusal = _refusal(holder, world.clock.now())
        if refusal is None:
            (recorded,) = await registry.record([crossing])
        else:
            # A crossing that is already recorded stays valid, even if the visa was cancelled since.
            known = await registry.find_crossing(crossing)
            if known is None:
                raise refusal
            recorded = known
        return _response(crossing, recorded)

    async def record_batch(request: Request, registry: Registry) -> Response:
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
        tenant.route("/crossings/batch", record_batch, "POST"),
        tenant.route("/crossings", crossings, kind="read"),
    )


def _response(crossing: Crossing, recorded: Recorded) -> Response:
    if recorded.outcome == "conflict":
        reason = f"crossing {crossing.id} is in the ledger with different content"
        raise ApiError(409, "conflict", reason, receipt=recorded.receipt)
    content = {"id": crossing.id, "receipt": recorded.receipt, "source": "central"}
    return reply(content, 201 if recorded.outcome == "recorded" else 200)


def _refusal(holder: DocumentHolder | None, now: float) -> ApiError | None:
    """Return the error response if the holder of the document may not cross, else None."""
    if holder is None:
        return ApiError(422, "document", "no such document was issued")
    if not _is_valid(holder.passport, now):
        return ApiError(422, "document", "the passport has expired or was cancelled")
    if holder.needs is None:
        return None
    if holder.permission is None or not _is_valid(holder.permission, now):
        return ApiError(422, "visa", f"no valid {holder.needs}")
    return None


def _is_valid(credential: Credential, now: float) -> bool:
    today = datetime.fromtimestamp(now, UTC).date()
    return not credential.cancelled and credential.until >= today


app = deploy(create)
