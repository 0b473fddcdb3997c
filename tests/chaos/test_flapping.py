"""Flapping on a clock that a test controls: no wall-clock time passes."""

from threading import Condition, Event

import pytest

from harness.chaos import Fault, Injection, bind
from harness.chaos._finding import Finding
from harness.chaos._flapping import flap
from harness.history import FaultState
from harness.scenario import FaultStep

from .fake_stack import SPEC


class FakeClock:
    """Starts at 0; sleeping and waiting move it on at once."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def wait(self, event: Event, timeout: float) -> bool:
        if not event.is_set():
            self.sleep(timeout)
        return event.is_set()

    def wait_notified(self, condition: Condition, timeout: float) -> bool:
        self.sleep(timeout)
        return False


class FakeInjector:
    """Changes nothing; verifying takes `verification` seconds of `clock`."""

    def __init__(self, clock: FakeClock, verification: float) -> None:
        self._clock = clock
        self._verification = verification

    def prepare(self) -> None: ...

    def apply(self) -> None: ...

    def has_changes(self) -> bool:
        return True

    def verify_injected(self) -> Finding:
        self._clock.sleep(self._verification)
        return Finding(True, "")

    def missing_change(self) -> str:
        return ""

    def revert(self) -> None: ...

    def forget(self) -> None: ...

    def verify_healed(self) -> Finding:
        return Finding(True, "")

    def manual_steps(self) -> str:
        return ""


class FlappingFault:
    """A fault on a fake clock, and the times at which it was injected and healed."""

    def __init__(self, *, verification: float = 0.0) -> None:
        self.clock = FakeClock()
        self.times: list[tuple[FaultState, float]] = []
        self._injector = FakeInjector(self.clock, verification)
        step = {"at": 0, "fault": "cut", "on": {"link": "gate-visa"}}
        self._fault: Fault = bind(FaultStep.model_validate(step), SPEC)

    def inject(self) -> Injection:
        injection = Injection(
            "1", self._fault, "flaps", injector=self._injector, report=self._note, clock=self.clock
        )
        injection.begin()
        return injection

    def _note(self, injection: Injection, state: FaultState, detail: str) -> None:
        if state in ("injected", "healed"):
            self.times.append((state, self.clock.now))


def test_on_and_off_are_times_of_the_clock() -> None:
    fault = FlappingFault()
    injections = flap(fault.inject, on=60, off=30, stop=Event(), seconds=200, clock=fault.clock)
    assert fault.times == [
        ("injected", 0), ("healed", 60), ("injected", 90), ("healed", 150),
        ("injected", 180), ("healed", 200),
    ]  # fmt: skip
    assert [injection.state for injection in injections] == ["healed"] * 3


@pytest.mark.parametrize(("verification", "healed"), [(20, 60), (70, 70)])
def test_on_includes_verification_and_lasts_at_least_as_long(
    verification: float, healed: float
) -> None:
    fault = FlappingFault(verification=verification)
    flap(fault.inject, on=60, off=30, stop=Event(), seconds=80, clock=fault.clock)
    assert fault.times == [("injected", 0), ("healed", healed)]
