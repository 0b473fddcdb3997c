"""The face of the chaos room: faults on a running stack, each verified, all healed in the end."""

import contextlib
import itertools
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import Any, Self

from harness.errors import UnhealedError
from harness.history import Fault as FaultEvent
from harness.history import FaultState
from harness.stack import ContainerStack, Stack, get_backend

from ._errors import ChaosError
from ._fault import Fault, check_backend, make
from ._flapping import flap
from ._heal import heal
from ._injection import Injection
from ._intents import Intents, new_id
from ._kind import LinkFault
from ._lease import PATIENCE, WATCHDOG_LOG, Lease, start_watchdog
from ._links import LinkHolds
from ._lookout import Lookout
from ._means import LinkMeans, Means, NodeMeans
from ._nodes import NodeHolds
from ._toxiproxy import Toxiproxy
from ._verify import LinkVerifier
from ._verify_nodes import NodeVerifier
from ._wire import Wire

Emit = Callable[[FaultEvent], None]
"""Called with each state of each fault, from any thread; `t` is `clock()`, 0 without a clock."""

_TARGETS = {"link": "link", "to": "to", "from_": "from", "service": "service", "site": "site"}

_CANARIES = 32
_CHANGES = 4


class Chaos:
    """Faults on `stack`, with their intents, lease and watchdog in `state_dir`.

    Use it as a context manager. Any thread may call any method. `lease` is how many real seconds
    this process may give no sign of life before the watchdog heals in its stead.
    """

    def __init__(
        self,
        stack: Stack,
        state_dir: Path,
        *,
        emit: Emit | None = None,
        clock: Callable[[], float] | None = None,
        pace: float = 1.0,
        seed: int = 0,
        lease: float = PATIENCE,
    ) -> None:
        self.stack = stack
        self.directory = state_dir
        self._emit = emit
        self._clock = clock or (lambda: 0.0)
        self._patience = lease
        self._run = new_id()
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._active: list[Injection] = []
        self._open = False
        self._resources = contextlib.ExitStack()
        self._wire = Wire(pace)
        self._seed = seed
        self._lease = Lease(state_dir)

    # ---- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Heal what an earlier run left, take the lease, start the watchdog.

        Raises:
            StackError: the Toxiproxy does not answer.
            UnhealedError: an earlier run's fault cannot be taken back.
        """
        with contextlib.ExitStack() as resources:
            intents = Intents(self.directory)
            resources.callback(intents.close)
            self._lease.start()
            release = resources.enter_context(contextlib.ExitStack())
            release.callback(self._lease.release)
            heal(self.directory)
            server = Toxiproxy(self.stack.toxiproxy())
            resources.callback(server.close)
            server.reset_owned(self.stack.spec.links)
            canaries = resources.enter_context(ThreadPoolExecutor(_CANARIES, "canary"))
            changes = resources.enter_context(ThreadPoolExecutor(_CHANGES, "chaos"))
            # Services take their time to stop and start; they must not wait for each other.
            services = resources.enter_context(ThreadPoolExecutor(_CANARIES, "node"))
            stack = self.stack
            unmoved = (
                stack.keep_upstream if isinstance(stack, ContainerStack) else contextlib.nullcontext
            )
            self._links = LinkHolds(server, intents, changes, unmoved)
            self._nodes = NodeHolds(self.stack, intents, services)
            self._lookout = Lookout(self.stack, canaries, self._seed)
            self._link_verifier = LinkVerifier(
                self._lookout,
                self._wire,
                absent=self._nodes.standing,
                holders=self._links.holders,
                listed=self._links.listed,
                found_disabled=self._links.found_disabled,
            )
            self._node_verifier = NodeVerifier(
                self._lookout, self._wire, holders=self._nodes.holders
            )
            watchdog = start_watchdog(self.directory, self._patience)
            release.pop_all()  # `_end` does it from now on
            resources.callback(self._end, watchdog)
            self._resources = resources.pop_all()
            self._open = True

    def close(self) -> None:
        """Heal everything and end. May be called twice.

        Raises:
            UnhealedError: see `heal_all`.
        """
        with self._lock:
            if not self._open:
                return
            self._open = False
        with self._resources:
            self.heal_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ---- faults -----------------------------------------------------------------------------

    def inject(self, fault: Fault, label: str = "") -> Injection:
        """Inject `fault` and see that it bites; returns also if it was not seen to.

        Raises:
            BackendError: the stack's backend has no such fault.
            ChaosError, UnhealedError: it could not be injected; see `Injection.begin`.
        """
        check_backend([fault], get_backend(self.stack.backend))
        if self._lease.lost:
            raise ChaosError(
                f"the faults of this run were healed from outside, by `harness heal` or by the "
                f"watchdog after {self._patience:g} s without a sign of life; run again"
            )
        with self._lock:
            if not self._open:
                raise ChaosError("faults are injected between start and close: `with Chaos(...)`")
            id_ = f"{self._run}-{next(self._numbers)}"
            means = self._means(id_, fault)
            injection = Injection(id_, fault, label or fault.label, means, self._say)
            self._active.append(injection)
        try:
            injection.begin()
        finally:
            if injection.state == "asked":  # not even that could be said; nothing was done
                self._forget(injection)
        return injection

    def fault(self, name: str, **given: Any) -> Injection:
        """Inject a fault by its name: `chaos.fault("delay", link="a-b", latency="2s")`.

        One of link, to, from_, service and site says where; the rest are its parameters.

        Raises:
            UsageError: unknown name, target or parameter.
            ChaosError, UnhealedError: as `inject`.
        """
        where = {_TARGETS[key]: given.pop(key) for key in list(given) if key in _TARGETS}
        where = {k: tuple(v) if isinstance(v, list | set) else v for k, v in where.items()}
        return self.inject(make(name, self.stack.spec, where, given))

    def cut(self, *links: str) -> Injection:
        """Refuse every connection on `links`."""
        return self.fault("cut", link=links)

    def kill(self, *services: str) -> Injection:
        """Kill `services`; healed, they are started again."""
        return self.fault("kill", service=services)

    def pause(self, *services: str) -> Injection:
        """Freeze `services`; healed, they go on where they were."""
        return self.fault("pause", service=services)

    def flap(
        self,
        fault: Fault,
        label: str = "",
        *,
        on: float,
        off: float,
        stop: Event,
        seconds: float | None = None,
    ) -> list[Injection]:
        """Inject and heal `fault` over and over, until `stop` is set or `seconds` have passed.

        `on`, `off` and `seconds` are real seconds. `on` includes the time that verifying takes,
        and lasts at least as long; likewise `off`. Each time is an injection of its own.

        Raises:
            ChaosError, UnhealedError: as `inject` and `Injection.heal`.
        """
        return flap(lambda: self.inject(fault, label), on=on, off=off, stop=stop, seconds=seconds)

    @property
    def active(self) -> tuple[Injection, ...]:
        """What is in force, in the order in which it was injected."""
        with self._lock:
            return tuple(self._active)

    def heal_all(self) -> None:
        """Heal everything, the last first.

        Raises:
            UnhealedError: some faults are still there; one line each, with what to do by hand.
        """
        problems = []
        for injection in reversed(self.active):
            try:
                injection.heal()
            except UnhealedError as error:
                problems.append(str(error))
        if problems:
            raise UnhealedError("\n".join(problems))

    # ---- within -----------------------------------------------------------------------------

    def _means(self, id_: str, fault: Fault) -> Means:
        if isinstance(fault.kind, LinkFault):
            return LinkMeans(
                id_,
                fault.kind,
                fault.targets,
                holds=self._links,
                nodes=self._nodes,
                verifier=self._link_verifier,
                lookout=self._lookout,
                wire=self._wire,
            )
        return NodeMeans(
            id_, fault.kind, fault.targets, holds=self._nodes, verifier=self._node_verifier
        )

    def _end(self, watchdog: "subprocess.Popen[bytes]") -> None:
        self._lease.release()
        if not self._lease.lost:  # else it is healing, and ends when it has
            watchdog.terminate()
        watchdog.wait()
        log = self.directory / WATCHDOG_LOG
        if log.exists() and not log.stat().st_size:
            log.unlink()

    def _forget(self, injection: Injection) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._active.remove(injection)

    def _say(self, injection: Injection, state: FaultState, detail: str) -> None:
        if state == "healed":
            self._forget(injection)
        event = FaultEvent(
            t=self._clock(),
            id=injection.id,
            step=injection.label,
            fault=injection.fault.name,
            targets=injection.fault.targets,
            state=state,
            detail=detail,
        )
        # A full disk refuses a fault before it is made, but does not keep one from being healed;
        # a history that lacks the event makes the run inconclusive.
        with contextlib.suppress(OSError) if state != "asked" else contextlib.nullcontext():
            if self._emit is not None:
                self._emit(event)
