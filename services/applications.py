"""The common implementation of the visa, stay-permit and passport services."""

from datetime import UTC, datetime, time

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.kit import ApiError, World, page_reply, read_body, read_numbered_page, reply
from services.population import Service
from services.store import Application, Credential, Registry
from services.tenant import Tenant


class NewApplication(msgspec.Struct):
    """The body of `POST /applications`. The client chooses the id, so that it can retry."""

    id: str
    document: str
    same_day: bool = False


def application_service(world: World, service: Service) -> Starlette:
    """Return the app of `service`: it registers applications and looks up what was issued."""
    tenant = Tenant(world)

    async def apply(request: Request, registry: Registry) -> Response:
        new = await read_body(request, NewApplication)
        outcome = await registry.apply(service, Application(new.id, new.document, new.same_day))
        if outcome == "conflict":
            raise ApiError(409, "conflict", f"application {new.id} exists with different content")
        content = {"id": new.id, "service": service, "source": "central"}
        return reply(content, 201 if outcome == "recorded" else 200)

    async def read(request: Request, registry: Registry) -> Response:
        after, limit = read_numbered_page(request)
        page = await registry.applications(service, after, limit)
        items = [{"number": number, **msgspec.to_builtins(one)} for number, one in page]
        return page_reply(request, items, page[-1][0] if page else None, limit)

    async def holder(request: Request, registry: Registry) -> Response:
        credential = await registry.credential(service, request.path_params["document"])
        return reply(_credential_fields(credential, world.clock.now()))

    return tenant.app(
        tenant.route("/applications", apply, "POST"),
        tenant.route("/applications", read, kind="read"),
        tenant.route("/holders/{document}", holder),
    )


def _credential_fields(credential: Credential | None, now: float) -> dict[str, object]:
    if credential is None:
        return {"valid": False, "number": None, "until": None}
    # Valid through the last day, in UTC.
    until = datetime.combine(credential.until, time.max, UTC).timestamp()
    valid = not credential.cancelled and now <= until
    return {"valid": valid, "number": credential.number, "until": until}
