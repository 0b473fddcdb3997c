"""An immigration office: accepts applications for passports, visas and stay permits.

While the data center is available, the office forwards each application to it. While it is not, the
office writes the application to its journal, durably and before it answers the applicant, and
submits it later: oldest first, throttled, each exactly once (the application's id never changes).
Same-day service needs the data center, so it is refused with a clear message.

An application whose answer from the data center was lost is written to the journal as well. The
data center may or may not have it; submitting it again has no effect.
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
"""The services, and the environment variables with their base URLs."""

SAME_DAY = {
    "id": "Layanan di hari yang sama tidak tersedia selama gangguan pusat data. "
    "Permohonan biasa tetap diterima.",
    "en": "Same-day service is not available while the data center is disrupted. "
    "Ordinary applications are still accepted.",
}


class NewApplication(msgspec.Struct):
    """The body of `POST /applications`."""

    id: str
    document: str
    service: Service
    same_day: bool = False


class Office:
    """The office's application intake, its journal and its view of the data center."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._journal = world.journal(Path(world.env["JOURNAL"]))
        # A journal with records means a restart, perhaps during an outage: no grace period then.
        first_start = self._journal.counts().total == 0
        self._upstreams = {
            service: Upstream(world, service, world.env[key], first_start=first_start)
            for service, key in SERVICES.items()
        }
        self._replayers = [self._create_replayer(service) for service in SERVICES]
        self._mode = "automatic"
        world.log("mode", mode=self._mode, previous="", reason="the process started")
        self._in_flight = 0

    def app(self) -> Starlette:
        """Return the office's app."""
        watches = [partial(one.watch, self._update_mode) for one in self._upstreams.values()]
        replays = [partial(one.run, self._update_mode) for one in self._replayers]
        return build_app(
            self._world,
            routes=[
                Route("/applications", self._post_application, methods=["POST"]),
                Route("/journal", self._get_journal),
                Route("/quarantine", self._get_quarantine),
            ],
            status=self._status,
            background=[*watches, *replays, self._gauge],
            on_shutdown=self._close,
        )

    # ---- accepting applications -----------------------------------------------------------------

    async def _post_application(self, request: Request) -> Response:
        application = await read_body(request, NewApplication)
        self._in_flight += 1
        try:
            return await self._accept(application)
        finally:
            self._in_flight -= 1
            self._update_mode()

    async def _accept(self, application: NewApplication) -> Response:
        if self._journal.find(application.id) is not None:
            return self._write_down(application)
        upstream = self._upstreams[application.service]
        if not upstream.accepts_calls:
            reason = upstream.reason or f"{upstream.name} sent a Retry-After"
            outcome: Outcome = NotSent(reason)
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
            # It may or may not be registered. A retry with the same id will show which.
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

    # ---- replaying the journal ------------------------------------------------------------------

    def _create_replayer(self, service: Service) -> JournalReplayer:
        world = self._world
        upstream = self._upstreams[service]

        return JournalReplayer(
            world.clock,
            world.log,
            self._journal,
            partial(_submit, upstream),
            batch=world.number("ENTRY_BATCH", 20),
            every=world.seconds("ENTRY_EVERY", 300),
            group=service,
        )

    # ---- modes ----------------------------------------------------------------------------------

    def _update_mode(self) -> None:
        mode, reason = self._current_mode()
        if mode != self._mode:
            self._world.log("mode", mode=mode, previous=self._mode, reason=reason)
            self._mode = mode

    def _current_mode(self) -> tuple[str, str]:
        states = [one.state for one in self._upstreams.values()]
        reasons = [one.reason for one in self._upstreams.values() if one.reason]
        backlog = self._journal.counts().written
        if all(state in ("away", "closed") for state in states):
            return "manual", "; ".join(reasons)
        if backlog:
            reasons.append(f"{backlog} applications wait in the journal")
        if reasons:
            return "mixed", "; ".join(reasons)
        return "automatic", "all applications are entered"

    # ---- status and paged reads -----------------------------------------------------------------

    def _numbers(self) -> dict[str, object]:
        counts = self._journal.counts()
        return {"backlog": counts.written, "quarantined": counts.quarantined}

    def _status(self) -> dict[str, object]:
        numbers = self._numbers()
        quiescent = self._in_flight == 0 and numbers["backlog"] == 0
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


async def _submit(upstream: Upstream, records: Sequence[Record]) -> Sequence[Settled] | NotAccepted:
    """Submit applications from the journal, up to the first that the service does not accept."""
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
    """Return the app of an immigration office."""
    return Office(world).app()


app = deploy(create)
