"""Walks journeys through real HTTP, on time, and records them. Only the locustfile imports this.

Every arrival becomes a greenlet of its own when it is due, however slow the system is: there is
no bound on how many are under way, for a bound would lower the load exactly during an outage.
"""

import errno
import traceback
from collections.abc import Callable, Iterable
from itertools import count
from time import monotonic, time
from typing import Any

import gevent
import msgspec
from gevent.pool import Group
from locust.contrib.fasthttp import FastHttpSession

from harness.errors import HarnessError
from harness.history import Fail, Invoke, Ok, Unknown

from ._client import was_sent
from ._config import LoadConfig
from ._contract import RESTED, Arrival, Journeys, Pause, Request, Response
from ._outcome import classify
from ._recorder import Recorder

_KINDS = {"ok": Ok, "fail": Fail, "unknown": Unknown}


class Driver:
    """Sends what journeys ask for. `die` is called once the load cannot go on."""

    def __init__(
        self,
        config: LoadConfig,
        journeys: Journeys,
        session: FastHttpSession,
        recorder: Recorder,
        die: Callable[[str], None],
    ) -> None:
        self.config = config
        self.epoch = 0.0
        self._journeys = journeys
        self._session = session
        self._recorder = recorder
        self._die = die
        self._numbers = count(1)
        self._people = Group()
        self._asking: dict[str, tuple[Request, float]] = {}

    @property
    def in_flight(self) -> int:
        """Requests that are waiting for their answers."""
        return len(self._asking)

    def drive(self, arrivals: Iterable[Arrival], epoch: float) -> None:
        """Let everybody arrive from Unix time `epoch` on; return when all are served or late."""
        self.epoch = epoch
        for arrival in arrivals:
            due = arrival.at / self.config.pace
            self._sleep_until(due)
            self._people.spawn(self._walk, arrival, due)
        self._sleep_until(self.config.duration / self.config.pace)
        self._people.join(timeout=self.config.grace)

    def abandon(self) -> None:
        """End every journey; what is in flight may have happened or not."""
        for ident, (request, started) in list(self._asking.items()):
            response = Response(0, {}, "unknown", "the load generator ended before the answer came")
            self._record(ident, request, response, monotonic() - started)
        self._asking.clear()
        self._people.kill(block=False)

    def _walk(self, arrival: Arrival, due: float) -> None:
        """One person's journey; whatever is wrong with it ends the load, loudly."""
        try:
            self._journey(arrival, due)
        except HarnessError as error:
            self._die(str(error))
        except Exception as error:  # noqa: BLE001 - the journey is the user's: whatever it raises is theirs
            traceback.print_exc()
            self._die(
                f"journey {arrival.journey!r} of {arrival.actor} raised "
                f"{type(error).__name__}: {error}"
            )

    def _journey(self, arrival: Arrival, due: float) -> None:
        journey = self._journeys.JOURNEYS[arrival.journey](actor=arrival.actor, **arrival.args)
        answer: Response | None = None
        while True:
            try:
                step = next(journey) if answer is None else journey.send(answer)
            except StopIteration:
                return
            if isinstance(step, Pause):
                due += step.seconds / self.config.pace
                self._sleep_until(due)
                answer = RESTED
            else:
                answer = self._ask(step, arrival, due)
                due = time() - self.epoch

    def _ask(self, request: Request, arrival: Arrival, due: float) -> Response:
        address = self.config.addresses.get(request.service)
        if address is None:
            raise HarnessError(
                f"journey {arrival.journey!r} asks {request.service!r}, which is no service of "
                f"this stack ({', '.join(self.config.addresses)})"
            )
        ident = f"{self.config.worker_index}-{next(self._numbers)}"
        self._recorder.write(
            Invoke(
                t=time() - self.epoch,
                id=ident,
                op=request.op,
                service=request.service,
                actor=arrival.actor,
                journey=arrival.journey,
                due=due,
                input=dict(request.input),
            )
        )
        started = monotonic()
        self._asking[ident] = request, started
        response = self._send(request, f"http://{address}{request.path}", arrival, due)
        if self._asking.pop(ident, None) is not None:
            self._record(ident, request, response, monotonic() - started)
        return response

    def _record(self, ident: str, request: Request, response: Response, latency: float) -> None:
        self._recorder.write(
            _KINDS[response.outcome](
                t=time() - self.epoch,
                id=ident,
                op=request.op,
                service=request.service,
                latency=latency,
                status=response.status,
                value=response.json,
                error=response.error,
            )
        )

    def _send(self, request: Request, url: str, arrival: Arrival, due: float) -> Response:
        answer: Any
        # The client's own time-outs are for each read; this one is for the whole of it.
        limit = max(request.timeout / self.config.pace, self.config.floor)
        timer = gevent.Timeout.start_new(limit)
        try:
            answer = self._session.request(
                request.method,
                url,
                name=request.op,
                json=request.json,
                catch_response=True,
                context={"actor": arrival.actor, "journey": arrival.journey, "due": due},
            )
        finally:
            timer.close()
        with answer as told:  # Locust's own statistics
            response = self._understand(answer)
            if response.outcome != "ok":
                told.failure(response.error)
        return response

    def _understand(self, answer: Any) -> Response:
        error = answer.request_meta["exception"] or getattr(answer, "error", None)
        error = getattr(error, "original", None) or error
        sent = was_sent(error)
        cause: BaseException | None = getattr(error, "cause", error)
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            raise HarnessError("out of file descriptors: raise `ulimit -n` on the load generator")
        outcome = classify(answer.status_code, sent=sent, whole=error is None)
        if cause is not None:
            return Response(answer.status_code, {}, outcome, _shown(cause))
        value, problem = _object(answer)
        if outcome == "ok":
            return Response(answer.status_code, value, "unknown" if problem else "ok", problem)
        return Response(answer.status_code, value, outcome, _reason(answer.status_code, value))

    def _sleep_until(self, due: float) -> None:
        # Also if it is late: the others must get their turn.
        gevent.sleep(max(0.0, self.epoch + due - time()))


def _object(answer: Any) -> tuple[dict[str, Any], str]:
    """The answer's JSON object. A text is none and no trouble; JSON that is broken is."""
    if not answer.content or "json" not in (answer.headers.get("content-type") or ""):
        return {}, ""
    try:
        value = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        return {}, f"the answer is not JSON: {error}"
    return value if isinstance(value, dict) else {"value": value}, ""


def _reason(status: int, value: dict[str, Any]) -> str:
    said = value.get("reason") or value.get("error") or ""
    return f"{status} {said}".strip()


def _shown(error: BaseException) -> str:
    if isinstance(error, gevent.Timeout):
        return f"timed out after {error.seconds:.3g} s"
    return " ".join(f"{type(error).__name__}: {error}".split())
