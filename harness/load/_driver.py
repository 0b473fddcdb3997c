"""Drives journeys over HTTP, on schedule, and records them. Only the locustfile imports this.

Every arrival becomes a greenlet of its own when it is due, however slow the system is. The number
of running journeys has no bound, because a bound would lower the load during an outage.
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
from ._contract import AFTER_PAUSE, Arrival, Journeys, Pause, Request, Response
from ._outcome import classify
from ._recorder import Recorder

_COMPLETIONS = {"ok": Ok, "fail": Fail, "unknown": Unknown}


class Driver:
    """Sends the requests of journeys; calls `die` with a reason if the load cannot go on."""

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
        self._journeys_running = Group()
        self._in_flight: dict[str, tuple[Request, float]] = {}

    @property
    def in_flight(self) -> int:
        """The number of requests that wait for their answers."""
        return len(self._in_flight)

    def drive(self, arrivals: Iterable[Arrival], epoch: float) -> None:
        """Start every arrival on schedule from Unix time `epoch` on.

        Returns when every journey has ended, or `grace` after the last arrival.
        """
        self.epoch = epoch
        for arrival in arrivals:
            due = arrival.at / self.config.pace
            self._sleep_until(due)
            self._journeys_running.spawn(self._run_journey, arrival, due)
        self._sleep_until(self.config.duration / self.config.pace)
        self._journeys_running.join(timeout=self.config.grace)

    def abandon(self) -> None:
        """End every journey; the outcome of requests in flight is unknown."""
        for ident, (request, started) in list(self._in_flight.items()):
            response = Response(0, {}, "unknown", "the load generator ended before the answer came")
            self._record(ident, request, response, monotonic() - started)
        self._in_flight.clear()
        self._journeys_running.kill(block=False)

    def _run_journey(self, arrival: Arrival, due: float) -> None:
        """Run the journey of one arrival; a mistake in it ends the load with a message."""
        try:
            self._journey(arrival, due)
        except HarnessError as error:
            self._die(str(error))
        except Exception as error:  # noqa: BLE001 - a journey is user code and may raise anything
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
                answer = AFTER_PAUSE
            else:
                answer = self._request_step(step, arrival, due)
                due = time() - self.epoch

    def _request_step(self, request: Request, arrival: Arrival, due: float) -> Response:
        address = self.config.addresses.get(request.service)
        if address is None:
            raise HarnessError(
                f"journey {arrival.journey!r} sends a request to {request.service!r}, which is no "
                f"service of this stack; one of {', '.join(self.config.addresses)}"
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
        self._in_flight[ident] = request, started
        response = self._send(request, f"http://{address}{request.path}", arrival, due)
        if self._in_flight.pop(ident, None) is not None:
            self._record(ident, request, response, monotonic() - started)
        return response

    def _record(self, ident: str, request: Request, response: Response, latency: float) -> None:
        self._recorder.write(
            _COMPLETIONS[response.outcome](
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
        # The client's own time-outs are for each read; this one is for the whole request.
        limit = self.config.time_limit(request.timeout)
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
        with answer as statistics:  # what Locust counts
            response = self._response(answer)
            if response.outcome != "ok":
                statistics.failure(response.error)
        return response

    def _response(self, answer: Any) -> Response:
        error = answer.request_meta["exception"] or getattr(answer, "error", None)
        error = getattr(error, "original", None) or error
        sent = was_sent(error)
        cause: BaseException | None = getattr(error, "cause", error)
        if isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE):
            raise HarnessError("out of file descriptors: raise `ulimit -n` on the load generator")
        outcome = classify(answer.status_code, sent=sent, complete=error is None)
        if cause is not None:
            return Response(answer.status_code, {}, outcome, _error_text(cause))
        value, problem = _object(answer)
        if outcome == "ok":
            return Response(answer.status_code, value, "unknown" if problem else "ok", problem)
        return Response(answer.status_code, value, outcome, _reason(answer.status_code, value))

    def _sleep_until(self, due: float) -> None:
        # Also when it is late, so that other greenlets run.
        gevent.sleep(max(0.0, self.epoch + due - time()))


def _object(answer: Any) -> tuple[dict[str, Any], str]:
    """Return the answer's JSON object, and a problem if it is broken JSON; {} for any text."""
    if not answer.content or "json" not in (answer.headers.get("content-type") or ""):
        return {}, ""
    try:
        value = msgspec.json.decode(answer.content)
    except msgspec.DecodeError as error:
        return {}, f"the answer is not JSON: {error}"
    return value if isinstance(value, dict) else {"value": value}, ""


def _reason(status: int, value: dict[str, Any]) -> str:
    text = value.get("reason") or value.get("error") or ""
    return f"{status} {text}".strip()


def _error_text(error: BaseException) -> str:
    if isinstance(error, gevent.Timeout):
        return f"timed out after {error.seconds:.3g} s"
    return " ".join(f"{type(error).__name__}: {error}".split())
