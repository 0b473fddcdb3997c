"""Readiness of services: checked once, or repeatedly until a service is ready."""

import time
from collections.abc import Callable
from functools import partial

from harness.errors import StackError

from .._probe import probe_for
from .._proxies import toxiproxy_version
from .._spec import StackSpec
from ._events import Events

API = 8474
"""The port of the Toxiproxy's API in its container."""

_NO_PROBE_PAUSE = 0.1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.1


class Readiness:
    """Checks services directly, not via a link; `timeout` is the limit in wall-clock seconds."""

    def __init__(
        self,
        spec: StackSpec,
        events: Events,
        *,
        host: Callable[[str], str],
        log_tail: Callable[[str], str],
        timeout: float,
    ) -> None:
        self._spec, self._events = spec, events
        self._host, self._log_tail, self._timeout = host, log_tail, timeout
        self._starting: set[str] = set()

    def state(self, service: str) -> tuple[str, bool]:
        """Return `running`, `paused`, `exited` or `starting`, and True if the service is ready."""
        state = self._events.state(service)
        if state != "running":
            return state, False
        probe = self._probe(service)
        if probe is None or probe():
            return state, True
        return "starting" if service in self._starting else state, False

    def await_ready(self, service: str) -> None:
        """Return when `service` is ready; check often at first, because most start quickly.

        A service without a port is ready if it has not exited at once.

        Raises:
            StackError: it exited, or was not ready in time; with the last lines of its log.
        """
        probe = self._probe(service)
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE if probe else _NO_PROBE_PAUSE
        self._starting.add(service)
        try:
            while probe is None or not probe():
                if self._events.ended_within(service, pause):
                    raise self._exited_error(service)
                if probe is None:
                    break
                if time.monotonic() > deadline:
                    raise self._timeout_error(service)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        finally:
            self._starting.discard(service)
        self._events.report_ready(service)

    def _probe(self, service: str) -> Callable[[], bool] | None:
        """Return the readiness check of `service`; None if it has no port."""
        if service == self._spec.toxiproxy:
            return lambda: bool(toxiproxy_version(f"{self._host(service)}:{API}"))
        known = self._spec.services[service]
        probe = probe_for(known)
        if probe is None or known.port is None:
            return None
        return partial(probe, self._host(service), known.port)

    def _exited_error(self, service: str) -> StackError:
        detail = self._events.detail(service) or "its start was abandoned"
        return StackError(
            f"{service}: exited during its start ({detail}); {self._log_tail(service)}"
        )

    def _timeout_error(self, service: str) -> StackError:
        return StackError(
            f"{service}: was not ready at {self._host(service)} within {self._timeout:g} s; "
            f"{self._log_tail(service)}; if it runs, this machine cannot reach its network: "
            "run the harness where the engine runs"
        )
