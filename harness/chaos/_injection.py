"""One fault in force: from `asked` to `healed`, each state said as it is reached."""

from collections.abc import Callable
from threading import RLock
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from harness.errors import HarnessError, UnhealedError
from harness.history import FaultState
from harness.stack import GoneError

from ._errors import ChaosError
from ._fault import Fault
from ._means import Means
from ._verify import HEALING

Say = Callable[["Injection", FaultState, str], None]


class Injection:
    """A fault that was injected. Heal it, or use it as a context manager, which does."""

    def __init__(self, id_: str, fault: Fault, label: str, means: Means, say: Say) -> None:
        self.id = id_
        self.fault = fault
        self.label = label
        self.state: FaultState = "asked"
        self.detail = ""
        self.verified = False
        """Whether canaries saw the fault. If not, nothing that follows can be concluded."""
        self.since = monotonic()
        """When it was injected, in seconds of `time.monotonic`."""
        self._means = means
        self._say = say
        self._lock = RLock()

    def begin(self) -> None:
        """Inject and verify. Returns also if it could not be verified; see `verified`.

        Raises:
            ChaosError: it could not be injected, and what was changed has been taken back.
            UnhealedError: it could not be injected, nor taken back.
        """
        with self._lock:
            self._move("asked")
            try:
                self._means.prepare()
                self._means.apply()
                self.since = monotonic()
                self._move("injected")
                finding = self._means.bites()
            except HarnessError as error:
                self._move("unverified", f"could not be injected: {error}")
                self.heal()
                raise ChaosError(f"{self}: could not be injected: {error}") from error
            except BaseException:  # Ctrl-C, or a bug: the fault must not stay
                self.heal()
                raise
            self.verified = finding.holds
            self._move("verified" if finding.holds else "unverified", finding.detail)

    def heal(self) -> None:
        """Take the fault back and see that it is gone. Does nothing if it has been healed.

        Raises:
            UnhealedError: it is still there; the message says what to do by hand.
        """
        with self._lock:
            if self.state == "healed":
                return
            if self.state != "unhealed" and not self._means.changed():
                self._move("healed", "nothing was changed")
                return
            self._move("healing")
            try:
                problem = self._release()
            except GoneError as error:
                self._means.forget()
                self._move("healed", f"{error}, and the fault with it")
                return
            if not problem:
                try:
                    finding = self._means.gone()
                except HarnessError as error:
                    problem = str(error)
                else:
                    problem = "" if finding.holds else finding.detail
            if problem:
                self._move("unhealed", problem)
                raise UnhealedError(
                    f"{self}: not healed: {problem}; by hand: {self._means.by_hand()}"
                )
            self._move("healed", finding.detail)

    def _release(self) -> str:
        """Take it back, trying again for a while; what went wrong last.

        Raises:
            GoneError: what it was on has ended.
        """
        end, wait = monotonic() + HEALING, 0.1
        while True:
            try:
                self._means.release()
            except GoneError:
                raise
            except HarnessError as error:
                if monotonic() + wait > end:
                    return str(error)
                sleep(wait)
                wait *= 2
            else:
                return ""

    def _move(self, state: FaultState, detail: str = "") -> None:
        self.state, self.detail = state, detail
        self._say(self, state, detail)

    def __str__(self) -> str:
        targets = self.fault.targets
        more = f" and {len(targets) - 3} more" if len(targets) > 3 else ""
        return f"{self.fault.name} on {', '.join(targets[:3])}{more}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.heal()
