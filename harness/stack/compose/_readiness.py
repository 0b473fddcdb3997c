"""Whether the services of a stack answer: asked once, or again and again until they do."""

import time
from collections.abc import Callable
from functools import partial

from harness.errors import StackError

from .._probe import probe_for
from .._proxies import toxiproxy_version
from .._spec import StackSpec
from ._events import Events

API = 8474
"""Where the Toxiproxy's container has its API."""

_SETTLING = 0.1
_FIRST_LOOK, _LATER_LOOKS = 0.02, 0.1


class Readiness:
    """Asks past every link. `patience` is how many seconds a service may take to be ready."""

    def __init__(
        self,
        spec: StackSpec,
        events: Events,
        *,
        host: Callable[[str], str],
        last_words: Callable[[str], str],
        patience: float,
    ) -> None:
        self._spec, self._events = spec, events
        self._host, self._last_words, self._patience = host, last_words, patience
        self._starting: set[str] = set()

    def state(self, service: str) -> tuple[str, bool]:
        """`running`, `paused`, `exited` or `starting`; and whether it is ready."""
        state = self._events.state(service)
        if state != "running":
            return state, False
        probe = self._probe(service)
        if probe is None or probe():
            return state, True
        return "starting" if service in self._starting else state, False

    def await_answer(self, service: str) -> None:
        """Return when `service` answers; asked often at first, because most are quick.

        One that cannot be asked is ready if it has not ended at once.

        Raises:
            StackError: it ended, or did not answer in time; with its last lines.
        """
        probe = self._probe(service)
        deadline = time.monotonic() + self._patience
        pause = _FIRST_LOOK if probe else _SETTLING
        self._starting.add(service)
        try:
            while probe is None or not probe():
                if self._events.ended_within(service, pause):
                    raise self._ended(service)
                if probe is None:
                    break
                if time.monotonic() > deadline:
                    raise self._silent(service)
                pause = min(pause * 1.5, _LATER_LOOKS)
        finally:
            self._starting.discard(service)
        self._events.ready(service)

    def _probe(self, service: str) -> Callable[[], bool] | None:
        """One question to `service`; None if there is nothing to ask it."""
        if service == self._spec.toxiproxy:
            return lambda: bool(toxiproxy_version(f"{self._host(service)}:{API}"))
        known = self._spec.services[service]
        probe = probe_for(known)
        if probe is None or known.port is None:
            return None
        return partial(probe, self._host(service), known.port)

    def _ended(self, service: str) -> StackError:
        detail = self._events.detail(service) or "its start was given up"
        return StackError(
            f"{service}: ended while it was started ({detail}); {self._last_words(service)}"
        )

    def _silent(self, service: str) -> StackError:
        return StackError(
            f"{service}: did not answer at {self._host(service)} within {self._patience:g} s; "
            f"{self._last_words(service)}; if it runs, this machine does not reach its network: "
            "run the harness where the engine runs"
        )
