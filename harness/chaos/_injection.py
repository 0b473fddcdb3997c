"""One injection of a fault: from `asked` to `healed`, with each state reported."""

from collections.abc import Callable
from threading import RLock
from types import TracebackType
from typing import Self

from harness.clock import Clock
from harness.errors import HarnessError, UnhealedError
from harness.history import FaultState
from harness.stack import GoneError

from ._api_client import GivenUpError
from ._errors import ChaosError
from ._fault import Fault
from ._finding import HEAL_TIMEOUT
from ._injectors import Injector

Report = Callable[["Injection", FaultState, str], None]
"""Called with each state of an injection and its detail, from the thread that changes it."""


class Injection:
    """One injection of a fault. Call `heal`, or use it as a context manager, which does."""

    def __init__(
        self,
        id_: str,
        fault: Fault,
        label: str,
        *,
        injector: Injector,
        report: Report,
        clock: Clock,
        lost_protection: Callable[[], str] = str,
    ) -> None:
        self.id = id_
        self.fault = fault
        self.label = label
        self.state: FaultState = "asked"
        self.detail = ""
        self.verified = False
        """True if probes confirmed the fault. If not, nothing can be concluded from the run."""
        self.since = clock.monotonic()
        """When it was injected, as `clock.monotonic()`."""
        self._injector = injector
        self._report = report
        self._clock = clock
        self._lost_protection = lost_protection
        self._lock = RLock()

    def begin(self) -> None:
        """Inject and verify. It also returns if verification fails; see `verified`.

        Raises:
            ChaosError: it could not be injected, and its changes have been reverted.
            UnhealedError: it could not be injected, nor could its changes be reverted.
        """
        with self._lock:
            self._set_state("asked")
            try:
                self._injector.prepare()
                self._injector.apply()
                self.since = self._clock.monotonic()
                self._set_state("injected")
                finding = self._injector.verify_injected()
            except HarnessError as error:
                self._set_state("unverified", f"could not be injected: {error}")
                self.heal()
                raise ChaosError(f"{self}: could not be injected: {error}") from error
            except BaseException:  # Ctrl-C, or a bug: the fault must not stay
                self.heal()
                raise
            self.verified = finding.confirmed
            self._set_state("verified" if finding.confirmed else "unverified", finding.detail)

    def check_in_force(self) -> None:
        """Report the verified fault as `lost` if it is no longer in effect. It sends no probes.

        Does nothing while another thread injects or heals it.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self.state == "verified" and (problem := self._lost()):
                self._set_state("lost", problem)
        finally:
            self._lock.release()

    def _lost(self) -> str:
        """Return why the fault may no longer be in effect; empty if it is."""
        try:
            return self._lost_protection() or self._injector.missing_change()
        except HarnessError as error:
            return f"cannot be checked: {error}"

    def heal(self) -> None:
        """Revert the fault and verify that it has ended. Calling it again does nothing.

        Raises:
            UnhealedError: the fault is still in effect; the message says what to do by hand.
        """
        with self._lock:
            if self.state == "healed":
                return
            if self.state != "unhealed" and not self._injector.has_changes():
                self._set_state("healed", "nothing was changed")
                return
            self.check_in_force()
            self._set_state("healing")
            try:
                problem = self._revert()
            except GoneError as error:
                self._injector.forget()
                self._set_state("healed", f"{error}, and the fault with it")
                return
            if not problem:
                try:
                    finding = self._injector.verify_healed()
                except HarnessError as error:
                    problem = str(error)
                else:
                    problem = "" if finding.confirmed else finding.detail
            if problem:
                self._set_state("unhealed", problem)
                raise UnhealedError(
                    f"{self}: not healed: {problem}; by hand: {self._injector.manual_steps()}"
                )
            self._set_state("healed", finding.detail)

    def _revert(self) -> str:
        """Revert, with retries until `HEAL_TIMEOUT`; return the last error's text.

        Raises:
            GoneError: what was changed has ended.
        """
        deadline, delay = self._clock.monotonic() + HEAL_TIMEOUT, 0.1
        while True:
            try:
                self._injector.revert()
            except GoneError:
                raise
            except GivenUpError as error:
                return str(error)
            except HarnessError as error:
                if self._clock.monotonic() + delay > deadline:
                    return str(error)
                self._clock.sleep(delay)
                delay *= 2
            else:
                return ""

    def _set_state(self, state: FaultState, detail: str = "") -> None:
        self.state, self.detail = state, detail
        self._report(self, state, detail)

    def __str__(self) -> str:
        targets = self.fault.targets
        more = f" and {len(targets) - 3} more" if len(targets) > 3 else ""
        return f"{self.fault.name} on {', '.join(targets[:3])}{more}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.heal()
