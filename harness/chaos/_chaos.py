"""`Chaos`: faults on a running stack, each verified, all of them healed at the end."""

import contextlib
import itertools
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from harness.clock import WALL_CLOCK, Clock
from harness.errors import UnhealedError
from harness.history import Fault as FaultEvent
from harness.history import FaultState
from harness.stack import ContainerStack, Stack, get_backend

from ._active_links import ActiveLinkFaults
from ._active_nodes import ActiveNodeFaults
from ._errors import ChaosError
from ._fault import Fault, check_backend, make_fault
from ._fault_type import LinkFault
from ._flapping import flap
from ._heal import ANSWER_LIMIT, heal
from ._injection import Injection
from ._injectors import Injector, LinkInjector, NodeInjector
from ._intents import Intents, new_id
from ._lease import LEASE_TIMEOUT, WATCHDOG_LOG, Lease, start_watchdog
from ._prober import Prober
from ._timing import Timing
from ._toxiproxy import Toxiproxy
from ._verify_links import LinkVerifier
from ._verify_nodes import NodeVerifier

Emit = Callable[[FaultEvent], None]
"""Called with each state of each fault, from any thread. The event's `t` is `elapsed()`."""

_TARGET_KEYS = {"link": "link", "to": "to", "from_": "from", "service": "service", "site": "site"}
"""Keyword argument of `Chaos.fault` -> key in a scenario."""

_CHECK_INTERVAL = 1.0
"""Seconds of the run's clock between two checks that the active faults are still in effect."""

_PROBE_THREADS = 32
_LINK_THREADS = 4
_NODE_THREADS = 32


class Chaos:
    """Faults on one stack. Use it as a context manager. Any thread may call any method.

    Args:
        stack: A stack that runs.
        state_dir: Folder for intents, lease and the watchdog's log.
        emit: Called with each state of each fault.
        elapsed: Returns `t` of these events, in wall-clock seconds since the run's start; without
            it `t` is 0.
        clock: The run's clock, by which faults are verified, healed and flapped.
        pace: Scenario seconds per wall-clock second; durations of faults are divided by it.
        seed: Seed of the choice of links and services to compare with.
        lease: Wall-clock seconds without a heartbeat of this process after which the watchdog
            heals in its place.
    """

    def __init__(
        self,
        stack: Stack,
        state_dir: Path,
        *,
        emit: Emit | None = None,
        elapsed: Callable[[], float] | None = None,
        clock: Clock = WALL_CLOCK,
        pace: float = 1.0,
        seed: int = 0,
        lease: float = LEASE_TIMEOUT,
    ) -> None:
        self.stack = stack
        self.directory = state_dir
        self._emit = emit
        self._elapsed = elapsed or (lambda: 0.0)
        self._clock = clock
        self._lease_timeout = lease
        self._run_id = new_id()
        self._numbers = itertools.count(1)
        self._lock = Lock()
        self._active: list[Injection] = []
        self._is_open = False
        self._resources = contextlib.ExitStack()
        self._timing = Timing(pace)
        self._seed = seed
        self._lease = Lease(state_dir, clock)
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._stop_checks = Event()
        self._checks = Thread(target=self._check_active, name="fault checks", daemon=True)

    # ---- start and end ----------------------------------------------------------------------

    def start(self) -> None:
        """Take the lease, heal what an earlier run left, and start the watchdog.

        Raises:
            ChaosError: another process has active faults in this folder.
            StackError: Toxiproxy does not answer.
            UnhealedError: an earlier run's fault cannot be reverted.
        """
        with contextlib.ExitStack() as resources:
            intents = Intents(self.directory, self._clock)
            resources.callback(intents.close)
            self._lease.start()
            release = resources.enter_context(contextlib.ExitStack())
            release.callback(self._lease.release)
            heal(self.directory)
            server = Toxiproxy(self.stack.toxiproxy())
            resources.callback(server.close)
            server.remove_owned_toxics(self.stack.spec.links)
            self._wire_up(server, intents, resources)
            watchdog = start_watchdog(self.directory, self._lease_timeout)
            release.pop_all()  # `_end` releases the lease from now on
            resources.callback(self._end, watchdog)
            self._watchdog = watchdog
            resources.callback(self._checks.join)
            resources.callback(self._stop_checks.set)
            self._checks.start()
            self._resources = resources.pop_all()
            self._is_open = True

    def close(self) -> None:
        """Heal everything and end. Calling it again does nothing.

        Raises:
            UnhealedError: see `heal_all`.
        """
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
        with self._resources:
            self.heal_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # ---- faults -----------------------------------------------------------------------------

    def inject(self, fault: Fault, label: str = "") -> Injection:
        """Inject `fault` and verify it; it also returns if verification fails.

        Args:
            fault: What to inject, from `bind`.
            label: Label of the fault's events; the fault's own without it.

        Raises:
            BackendError: the stack's backend does not support the fault type.
            ChaosError, UnhealedError: it could not be injected; see `Injection.begin`.
        """
        check_backend([fault], get_backend(self.stack.backend))
        if self._lease.is_lapsed:
            raise ChaosError(
                f"the faults of this run were healed from outside, by `harness heal` or by the "
                f"watchdog after {self._lease_timeout:g} s without a heartbeat; run again"
            )
        with self._lock:
            if not self._is_open:
                raise ChaosError("faults are injected between start and close: `with Chaos(...)`")
            id_ = f"{self._run_id}-{next(self._numbers)}"
            injection = Injection(
                id_,
                fault,
                label or fault.label,
                injector=self._injector(id_, fault),
                report=self._report,
                clock=self._clock,
                lost_protection=self._lost_protection,
            )
            self._active.append(injection)
        try:
            injection.begin()
        finally:
            if injection.state == "asked":  # its first event could not be written: no changes
                self._forget(injection)
        return injection

    def fault(self, name: str, **arguments: Any) -> Injection:
        """Inject a fault by its name: `chaos.fault("delay", link="shop-payment", latency="2s")`.

        Args:
            name: Name of the fault type.
            **arguments: One of link, to, from_, service and site, and the type's parameters.

        Raises:
            UsageError: unknown name, target or parameter.
            ChaosError, UnhealedError: as `inject`.
        """
        target = {
            _TARGET_KEYS[key]: arguments.pop(key) for key in list(arguments) if key in _TARGET_KEYS
        }
        target = {k: tuple(v) if isinstance(v, list | set) else v for k, v in target.items()}
        return self.inject(make_fault(name, self.stack.spec, target, arguments))

    def cut(self, *links: str) -> Injection:
        """Refuse every connection on `links`."""
        return self.fault("cut", link=links)

    def kill(self, *services: str) -> Injection:
        """Kill `services`; healing starts them again."""
        return self.fault("kill", service=services)

    def pause(self, *services: str) -> Injection:
        """Freeze `services`; healing resumes them."""
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

        Each time is an injection of its own. `on` includes verification and lasts longer if that
        takes longer; likewise `off` and healing.

        Args:
            fault: What to inject, from `bind`.
            label: Label of the fault's events; the fault's own without it.
            on: Wall-clock seconds with the fault, each time.
            off: Wall-clock seconds without it, each time.
            stop: Set from another thread to end the flapping.
            seconds: Wall-clock seconds for the whole; None: until `stop` is set.

        Raises:
            ChaosError, UnhealedError: as `inject` and `Injection.heal`.
        """
        return flap(
            lambda: self.inject(fault, label),
            on=on,
            off=off,
            stop=stop,
            seconds=seconds,
            clock=self._clock,
        )

    @property
    def active(self) -> tuple[Injection, ...]:
        """Injections that are not healed, in the order in which they were made."""
        with self._lock:
            return tuple(self._active)

    def heal_all(self) -> None:
        """Heal everything, the last injection first.

        A Toxiproxy that does not answer is given up once, for all its faults together.

        Raises:
            UnhealedError: some faults are still in effect; one line each, with what to do by hand.
        """
        problems = []
        with self._server.limit(ANSWER_LIMIT):
            for injection in reversed(self.active):
                try:
                    injection.heal()
                except UnhealedError as error:
                    problems.append(str(error))
        if problems:
            raise UnhealedError("\n".join(problems))

    # ---- internals --------------------------------------------------------------------------

    def _wire_up(
        self, server: Toxiproxy, intents: Intents, resources: contextlib.ExitStack
    ) -> None:
        """Create what injects and verifies; `resources` ends the thread pools."""
        self._server = server
        stack, clock = self.stack, self._clock
        probes = resources.enter_context(ThreadPoolExecutor(_PROBE_THREADS, "probe"))
        links = resources.enter_context(ThreadPoolExecutor(_LINK_THREADS, "link"))
        # Services take long to stop and start; there are threads for all of them at once.
        nodes = resources.enter_context(ThreadPoolExecutor(_NODE_THREADS, "node"))
        if isinstance(stack, ContainerStack):
            self._links = ActiveLinkFaults(server, intents, links, stack.keep_upstream)
        else:
            self._links = ActiveLinkFaults(server, intents, links)
        self._nodes = ActiveNodeFaults(stack, intents, nodes)
        self._prober = Prober(stack, probes, self._seed, clock)
        self._link_verifier = LinkVerifier(
            self._prober,
            self._timing,
            clock,
            active_links=self._links,
            active_nodes=self._nodes,
        )
        self._node_verifier = NodeVerifier(
            self._prober, self._timing, clock, active_nodes=self._nodes
        )

    def _injector(self, id_: str, fault: Fault) -> Injector:
        if isinstance(fault.type, LinkFault):
            return LinkInjector(
                id_,
                fault.type,
                fault.targets,
                active_links=self._links,
                active_nodes=self._nodes,
                verifier=self._link_verifier,
                prober=self._prober,
                timing=self._timing,
            )
        return NodeInjector(
            id_,
            fault.type,
            fault.targets,
            active_nodes=self._nodes,
            verifier=self._node_verifier,
        )

    def _check_active(self) -> None:
        while not self._clock.wait(self._stop_checks, _CHECK_INTERVAL):
            for injection in self.active:
                injection.check_in_force()

    def _lost_protection(self) -> str:
        """Return why the watchdog does not protect the faults; empty if it does."""
        if problem := self._lease.problem():
            return problem
        code = None if self._watchdog is None else self._watchdog.poll()
        return "" if code is None else f"the watchdog has ended with exit code {code}"

    def _end(self, watchdog: "subprocess.Popen[bytes]") -> None:
        self._lease.release()
        if not self._lease.is_lapsed:  # else the watchdog is healing, and ends after that
            watchdog.terminate()
        watchdog.wait()
        log = self.directory / WATCHDOG_LOG
        if log.exists() and not log.stat().st_size:
            log.unlink()

    def _forget(self, injection: Injection) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._active.remove(injection)

    def _report(self, injection: Injection, state: FaultState, detail: str) -> None:
        if state == "healed":
            self._forget(injection)
        event = FaultEvent(
            t=self._elapsed(),
            id=injection.id,
            step=injection.label,
            fault=injection.fault.name,
            targets=injection.fault.targets,
            state=state,
            detail=detail,
        )
        # A full disk prevents a fault before it is injected, but must not prevent its healing; a
        # history without the event makes the run inconclusive.
        with contextlib.suppress(OSError) if state != "asked" else contextlib.nullcontext():
            if self._emit is not None:
                self._emit(event)
