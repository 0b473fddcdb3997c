"""An immigration office: takes applications for passports, visas and stay permits.

With the data center up it passes them on. Without it, it writes them into its journal, durable
before the applicant is answered, and enters them later: oldest first, throttled, each once (the
application's id is the same all the way). What it cannot do alone it says so: a passport on the
same day needs the data center.

An application whose answer from the data center was lost goes into the journal too, for it may or
may not be there; entering it again does no harm.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.kit import (
    Answered,
    ApiError,
    JournalConflictError,
    JournalError,
    JournalReplayer,
    NotAccepted,
    NotSent,
    Outcome,
    OutcomeUnknown,
    Record,
    Settled,
    Upstream,
    World,
    build_app,
    deploy,
    log_gauge,
    page_reply,
    read_body,
    read_numbered_page,
    reply,
)
from services.population import Service

SERVICES: dict[Service, str] = {
    "passport": "PASSPORT",
    "visa": "VISA",
    "stay-permit": "STAY_PERMIT",
}
"""The services and where the environment says that they are."""

SAME_DAY = {
    "id": "Layanan di hari yang sama tidak tersedia selama gangguan pusat data. "
    "Permohonan biasa tetap diterima.",
    "en": "Same-day service is not available while the data center is disrupted. "
    "Ordinary applications are still accepted.",
}


class NewApplication(msgspec.Struct):
    """What an applicant hands in."""

    id: str
    document: str
    service: Service
    same_day: bool = False


class Office:
    """The office's desk, its journal and its view of the data center."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._journal = world.journal(Path(world.env["JOURNAL"]))
        # With something in its journal it was restarted, perhaps in an outage: no grace then.
        fresh = self._journal.counts().total == 0
        self._upstreams = {
            service: Upstream(world, service, world.env[key], first_start=fresh)
            for service, key in SERVICES.items()
        }
        self._clerks = [self._hire(service) for service in SERVICES]
        self._mode = "automatic"
        self._busy = 0

    def app(self) -> Starlette:
        """The app."""
        watches = [partial(one.watch, self._adapt) for one in self._upstreams.values()]
        clerks = [partial(one.run, self._adapt) for one in self._clerks]
        return build_app(
            self._world,
            routes=[
                Route("/applications", self._post_application, methods=["POST"]),
                Route("/journal", self._get_journal),
                Route("/quarantine", self._get_quarantine),
            ],
            status=self._status,
            background=[*watches, *clerks, self._gauge],
            closing=self._close,
        )

    # ---- taking applications --------------------------------------------------------------------

    async def _post_application(self, request: Request) -> Response:
        application = await read_body(request, NewApplication)
        self._busy += 1
        try:
            return await self._take(application)
        finally:
            self._busy -= 1
            self._adapt()

    async def _take(self, application: NewApplication) -> Response:
        if self._journal.find(application.id) is not None:
            return self._write_down(application)
        upstream = self._upstreams[application.service]
        if not upstream.accepts_calls:
            outcome: Outcome = NotSent(upstream.reason or f"{upstream.name} asked for a pause")
        else:
            outcome = await upstream.post("/applications", _body(application), retries=1)
        if isinstance(outcome, Answered):
            if outcome.ok:
                return reply({"id": application.id, "path": "online", "source": "central"}, 201)
            code = f"{outcome.body.get('error', 'rejected')}"
            raise ApiError(outcome.status, code, outcome.reason)
        if not application.same_day:
            return self._write_down(application)
        if isinstance(outcome, OutcomeUnknown):
            # Neither yes nor no would be honest. Asked again, the data center knows the id.
            raise ApiError(500, "unsure", outcome.reason)
        raise ApiError(503, "same-day", outcome.reason, message=SAME_DAY)

    def _write_down(self, application: NewApplication) -> Response:
        content = msgspec.to_builtins(application)
        try:
            self._journal.append(application.id, content, application.service)
        except JournalConflictError as error:
            raise ApiError(409, "conflict", str(error)) from error
        except JournalError as error:
            raise ApiError(503, "journal", str(error)) from error
        return reply({"id": application.id, "path": "offline", "source": "journal"}, 202)

    # ---- entering the journal -------------------------------------------------------------------

    def _hire(self, service: Service) -> JournalReplayer:
        world = self._world
        upstream = self._upstreams[service]

        return JournalReplayer(
            world.clock,
            world.log,
            self._journal,
            partial(_enter, upstream),
            batch=world.number("ENTRY_BATCH", 20),
            every=world.seconds("ENTRY_EVERY", 300),
            group=service,
        )

    # ---- modes ----------------------------------------------------------------------------------

    def _adapt(self) -> None:
        mode, reason = self._judge()
        if mode != self._mode:
            self._world.log("mode", mode=mode, previous=self._mode, reason=reason)
            self._mode = mode

    def _judge(self) -> tuple[str, str]:
        standings = {name: one.state for name, one in self._upstreams.items()}
        reasons = [one.reason for one in self._upstreams.values() if one.reason]
        backlog = self._journal.counts().written
        if all(state in ("away", "closed") for state in standings.values()):
            return "manual", "; ".join(reasons)
        if backlog:
            reasons.append(f"{backlog} applications are to be entered")
        return ("mixed", "; ".join(reasons)) if reasons else ("automatic", "all is entered")

    # ---- what it tells --------------------------------------------------------------------------

    def _numbers(self) -> dict[str, object]:
        counts = self._journal.counts()
        return {"backlog": counts.written, "quarantined": counts.quarantined}

    def _status(self) -> dict[str, object]:
        numbers = self._numbers()
        quiescent = self._busy == 0 and numbers["backlog"] == 0
        return {"mode": self._mode, "quiescent": quiescent, **numbers}

    async def _gauge(self) -> None:
        await log_gauge(self._world, self._numbers)

    async def _get_journal(self, request: Request) -> Response:
        after, limit = read_numbered_page(request)
        return _page(request, self._journal.page(after, limit), limit)

    async def _get_quarantine(self, request: Request) -> Response:
        after, limit = read_numbered_page(request)
        return _page(request, self._journal.page(after, limit, "quarantined"), limit)

    async def _close(self) -> None:
        for upstream in self._upstreams.values():
            await upstream.client.close()
        self._journal.close()


async def _enter(upstream: Upstream, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
    """Bring written applications to a service, up to the first that it does not take now."""
    settled: list[Settled] = []
    for record in records:
        if not upstream.accepts_calls:
            break
        application = msgspec.convert(record.content, NewApplication)
        outcome = await upstream.post("/applications", _body(application))
        if not isinstance(outcome, Answered):
            break
        if outcome.ok:
            settled.append(Settled(record.id))
        else:
            reason = "conflict" if outcome.status == 409 else "rejected"
            settled.append(Settled(record.id, "quarantined", reason))
    if settled:
        return settled
    return NotAccepted(upstream.reason or "no answer", wait=upstream.client.retry_after_left)


def _body(application: NewApplication) -> dict[str, object]:
    return {
        "id": application.id,
        "document": application.document,
        "same_day": application.same_day,
    }


def _page(request: Request, records: Sequence[Record], limit: int) -> Response:
    items = [
        {
            **record.content,
            "number": record.number,
            "state": record.state,
            "reason": record.reason,
        }
        for record in records
    ]
    return page_reply(request, items, records[-1].number if records else None, limit)


def create(world: World) -> Starlette:
    """The office."""
    return Office(world).app()


app = deploy(create)
