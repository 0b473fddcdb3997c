"""The watchlist of documents whose holders must not cross: lookups and offline snapshots."""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.kit import ApiError, World, deploy, page_reply, read_body, read_numbered_page, reply
from services.snapshot import sign
from services.store import Registry
from services.tenant import Tenant


class NewEntry(msgspec.Struct):
    """The body of `POST /entries`: an operator adds a document to the watchlist."""

    document: str
    reason: str


def create(world: World) -> Starlette:
    """Return the app of the watchlist service."""
    tenant = Tenant(world)
    key = world.env["SNAPSHOT_KEY"]

    async def check(request: Request, registry: Registry) -> Response:
        document = request.query_params.get("document")
        if not document:
            raise ApiError(400, "query", "document is missing")
        return reply({"listed": await registry.is_listed(document), "source": "central"})

    async def snapshot(_request: Request, registry: Registry) -> Response:
        # The time is taken before the read: an entry that is added during the read may be missing.
        issued_at = world.clock.now()
        watchlist = await registry.watchlist()
        return reply(sign(key, watchlist.version, issued_at, watchlist.documents))

    async def add(request: Request, registry: Registry) -> Response:
        new = await read_body(request, NewEntry)
        return reply(await registry.add_to_watchlist(new.document, new.reason), 201)

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
