"""Record the requests of your own locustfile without changing them.

    from locust import events
    from harness.load import attach_recorder

    @events.init.add_listener
    def record(environment, **_):
        attach_recorder(environment)

In a run, HARNESS_LOAD names the configuration, which gives part, epoch and services. Otherwise
pass `part`. `op` is the request's name, `service` the service at its address. `actor`, `journey`
and `due` (the Unix time at which the request should have started) are taken from the request's
`context=`; everything else in it is recorded as `Invoke.input`.

Locust reports a request when it has ended, so both of its events are recorded then, and requests
in flight at the end are not recorded (the harness's own locustfile records them). FastHttpUser
repeats GET and PUT requests by itself when a connection breaks.
"""

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from time import time
from typing import Any

import msgspec

from harness.errors import ExitCode, HarnessError
from harness.history import Fail, Generator, Invoke, Ok, Unknown

from ._config import CONFIG, LoadConfig, read_config
from ._outcome import classify
from ._recorder import FLUSH_EVERY, Recorder

_COMPLETIONS = {"ok": Ok, "fail": Fail, "unknown": Unknown}

# Exceptions that are raised before a byte is sent, by class name: the locustfile decides which
# HTTP library is used, and importing one here would add it to every process that imports this room.
_NOT_SENT = {"ConnectionRefusedError", "gaierror", "NewConnectionError", "NameResolutionError"}

_BROKEN = {"HTTPParseError", "HTTPConnectionClosed", "HTTPProtocolViolationError", "Timeout"}


def attach_recorder(
    environment: Any,
    *,
    part: Path | None = None,
    epoch: float | None = None,
    addresses: Mapping[str, str] | None = None,
) -> None:
    """Record every request of a Locust environment.

    Args:
        environment: Locust's `Environment`.
        part: the file to append to; default: the one of the configuration.
        epoch: Unix time of the run's start; default: the configuration's, else now.
        addresses: service -> `host:port`, to name the services in the record.

    Raises:
        HarnessError: neither `part` nor HARNESS_LOAD is given, or the part cannot be written.
    """
    config = read_config(Path(os.environ[CONFIG])) if CONFIG in os.environ else None
    if part is None and config is None:
        raise HarnessError(f"attach_recorder: give part=, or set {CONFIG} to a configuration")
    path = part or _part(config)
    start = epoch if epoch is not None else (config.epoch if config else None)
    known = addresses if addresses is not None else (config.addresses if config else {})
    _Listener(environment, Recorder(path), start if start is not None else time(), known)


def _part(config: LoadConfig | None) -> Path:
    assert config is not None
    return Path(config.part or f"parts/load-{config.worker_index}.jsonl")


class _Listener:
    def __init__(
        self, environment: Any, recorder: Recorder, epoch: float, addresses: Mapping[str, str]
    ) -> None:
        import gevent  # noqa: PLC0415 - Locust has imported it already; importing this room must not

        self._environment = environment
        self._recorder = recorder
        self._epoch = epoch
        self._services = {address: service for service, address in addresses.items()}
        self._numbers = count(1)
        environment.events.request.add_listener(self._request)
        environment.events.quitting.add_listener(self._quitting)
        self._flusher = gevent.spawn(self._flush, gevent.sleep)

    def _request(
        self,
        *,
        name: str,
        response_time: float,
        start_time: float,
        context: Mapping[str, Any],
        exception: BaseException | None,
        url: str = "",
        response: Any = None,
        **_: object,
    ) -> None:
        address = _address(url)
        shared: dict[str, Any] = {
            "id": f"{os.getpid()}-{next(self._numbers)}",
            "op": name,
            "service": self._services.get(address, address),
        }
        given = dict(context or {})
        begun = start_time - self._epoch
        due = given.pop("due", None)
        status = int(getattr(response, "status_code", 0) or 0)
        error = getattr(response, "error", None) if status == 0 else None
        cause = error if error is not None else exception
        sent = cause is None or not _was_not_sent(cause)
        outcome = classify(status, sent=sent, complete=_is_complete(exception, status))
        try:
            self._recorder.write(
                Invoke(
                    t=begun,
                    due=begun if due is None else due - self._epoch,
                    actor=str(given.pop("actor", "")),
                    journey=str(given.pop("journey", "")),
                    input=given,
                    **shared,
                )
            )
            self._recorder.write(
                _COMPLETIONS[outcome](
                    t=begun + response_time / 1000,
                    latency=response_time / 1000,
                    status=status,
                    value=_object(response),
                    error="" if exception is None else f"{type(exception).__name__}: {exception}",
                    **shared,
                )
            )
        except HarnessError as error:
            self._die(error)

    def _flush(self, sleep: Any) -> None:
        while not self._recorder.failed:
            sleep(FLUSH_EVERY / 2)
            try:
                self._recorder.flush()
            except HarnessError as error:
                self._die(error)

    def _die(self, error: HarnessError) -> None:
        """End the load: requests that are not recorded would make every ledger check wrong."""
        import gevent  # noqa: PLC0415 - as above

        print(f"load: died {error}", flush=True)
        self._environment.process_exit_code = int(ExitCode.BROKEN)
        gevent.spawn(self._environment.runner.quit)

    def _quitting(self, **_: object) -> None:
        state: Any = "died" if self._recorder.failed else "finished"
        self._flusher.kill(block=False)
        self._recorder.close(
            Generator(t=time() - self._epoch, worker=str(os.getpid()), cpu=0.0, state=state)
        )


def _address(url: str | None) -> str:
    """Return `host:port` of a URL."""
    _, _, rest = (url or "").partition("://")
    return rest.partition("/")[0].rpartition("@")[2]


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return `error` and what it wraps: requests keeps that in `args`, urllib3 in `reason`."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 10:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [getattr(one, "reason", None), getattr(one, "original", None), *one.args]
    return found


def _was_not_sent(error: BaseException | None) -> bool:
    names = {type(one).__name__ for one in _chain(error)}
    return bool(names & _NOT_SENT) and not any("Timeout" in name for name in names)


def _is_complete(exception: BaseException | None, status: int) -> bool:
    """Return True unless `exception` says that the connection broke during the answer.

    A locustfile may mark a 200 as a failure (`response.failure`); its answer is complete.
    """
    if exception is None or status == 0:
        return True
    name = type(exception).__name__
    broken = isinstance(exception, OSError) and name != "HTTPError"
    return not (broken or name in _BROKEN)


def _object(response: Any) -> dict[str, Any]:
    """Return the answer's JSON; {} for text or HTML. msgspec is twice as fast as `json()`."""
    try:
        value = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, AttributeError, TypeError):
        return {}
    return value if isinstance(value, dict) else {"value": value}
