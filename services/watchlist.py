"""The watchlist of people who must not cross: lookups, and snapshots for when it is away."""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.kit import ApiError, World, deploy, page_reply, read_body, read_numbered_page, reply
from services.snapshot import sign
from services.store import Registry
from services.tenant import Tenant


class NewEntry(msgspec.Struct):
    """A document that an operator puts on the list."""

    document: str
    reason: str


def create(world: World) -> Starlette:
    """The watchlist service."""
    tenant = Tenant(world)
    key = world.env["SNAPSHOT_KEY"]

    async def check(request: Request, registry: Registry) -> Response:
        document = request.query_params.get("document")
        if not document:
            raise ApiError(400, "query", "document is missing")
        return reply({"listed": await registry.listed(document), "source": "central"})

    async def snapshot(_request: Request, registry: Registry) -> Response:
        # Issued before it is read: an entry made meanwhile must not count as covered.
        issued_at = world.clock.now()
        watchlist = await registry.watchlist()
        return reply(sign(key, watchlist.version, issued_at, watchlist.documents))

    async def add(request: Request, registry: Registry) -> Response:
        new = await read_body(request, NewEntry)
        return reply(await registry.list_document(new.document, new.reason), 201)

    async def entries(request: Request, registry: Registry) -> Response:
        after, limit = read_numbered_page(request)
        page = await registry.entries(after, limit)
        return page_reply(request, page, page[-1].number if page else None, limit)

    return tenant.app(
        tenant.route("/check", check),
        tenant.route("/snapshot", snapshot),
        tenant.route("/entries", add, "POST", "operator"),
        tenant.route("/entries", entries, kind="read"),
    )


app = deploy(create)
