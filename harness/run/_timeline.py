"""Carries out a scenario's timeline: one thread per step, each waiting for its own trigger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread

import httpx

from harness.chaos import Chaos, Fault
from harness.clock import Clock
from harness.history import Called
from harness.scenario import CallStep, FaultStep, Scenario, Step
from harness.stack import Stack

from ._bounded_get import send_request
from ._live_state import LiveState
from ._recorder import Recorder

_POLL = 0.1
"""Wall-clock seconds after which a wait for two flags looks at the second one."""


@dataclass
class Timeline:
    """The steps of one run. Setting `stop` ends every wait at once; faults are then healed."""

    scenario: Scenario
    faults: Mapping[str, Fault]
    """By step label, validated and bound to the stack."""
    stack: Stack
    chaos: Chaos
    recorder: Recorder
    live_state: LiveState
    clock: Clock
    stop: Flag
    load_over: Flag
    problems: list[str] = field(default_factory=list)
    """Steps that never started or that the harness could not carry out, with the reason."""
    _done: dict[str, Flag] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Start a thread for each step; the `at` of a step counts from the run's epoch."""
        self._done = {step.label: Flag() for step in self.scenario.timeline}
        for step in self.scenario.timeline:
            # Daemon: a step that hangs must not prevent the process from ending with its verdict.
            Thread(
                target=self._carry_out, args=(step,), name=f"step {step.label}", daemon=True
            ).start()

    def wait(self, remaining: Callable[[], float]) -> bool:
        """Wait while `remaining()` wall-clock seconds are left; return True if all steps ended."""
        ended = [self.clock.wait(done, max(remaining(), 0.0)) for done in self._done.values()]
        return all(ended)

    def _carry_out(self, step: Step) -> None:
        try:
            if not self._await_trigger(step):
                return
            self._begun.add(step.label)
            if isinstance(step, CallStep):
                self._call(step)
            else:
                self._inject(step)
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the verdict
            self.problems.append(f"step {step.label!r}: {type(error).__name__}: {error}")
            self.stop.set()
        finally:
            self._done[step.label].set()

    def _await_trigger(self, step: Step) -> bool:
        """Wait until `step` is to start; return False if it must not start at all."""
        pace = self.scenario.pace
        if step.at is not None:
            due = (step.at + step.delay) / pace
            self.clock.wait(self.stop, max(0.0, due - self.recorder.t))
            return not self.stop.is_set()
        if step.after is not None:
            while not self.clock.wait(self._done[step.after], _POLL):
                if self.stop.is_set():
                    return False
            if step.after not in self._begun:
                self._report_never_started(step, f"the step {step.after!r} before it never started")
                return False
        elif step.when is not None:
            deadline = step.when.within / pace
            event = self.live_state.wait(step.when, self.stop, lambda: deadline - self.recorder.t)
            if event is None:
                within = f"{step.when.within:g} scenario seconds"
                self._report_never_started(
                    step, f"no {step.when.event} event matched its `when` within {within}"
                )
                return False
        self.clock.wait(self.stop, step.delay / pace)
        return not self.stop.is_set()

    def _report_never_started(self, step: Step, why: str) -> None:
        if not self.stop.is_set():
            self.problems.append(f"step {step.label!r} never started: {why}")

    def _call(self, step: CallStep) -> None:
        """Send the request of `step` once and record the response."""
        call = step.call
        status, detail = 0, ""
        try:
            url = f"http://{self.stack.address(call.service)}{call.path}"
            status, detail = send_request(call.method, url, call.body)
        except httpx.HTTPError as error:
            detail = f"{type(error).__name__}: {error}"
        self.recorder.now(
            Called(
                t=0.0,
                step=step.label,
                service=call.service,
                request=f"{call.method} {call.path}",
                status=status,
                detail=detail,
            )
        )
        if status // 100 != call.expect // 100:
            self.problems.append(
                f"step {step.label!r}: {call.method} {call.service}{call.path} answered "
                f"{status or 'nothing'}, not {call.expect}: {detail}"
            )

    def _inject(self, step: FaultStep) -> None:
        """Inject the fault of `step`, keep it for its duration and heal it."""
        pace = self.scenario.pace
        fault = self.faults[step.label]
        seconds = None if step.for_ is None else step.for_ / pace
        if step.flap is not None:
            self.chaos.flap(
                fault,
                step.label,
                on=step.flap.on / pace,
                off=step.flap.off / pace,
                seconds=seconds,
                stop=self.load_over if seconds is None else self.stop,
            )
            return
        injection = self.chaos.inject(fault, step.label)
        try:
            self._keep(seconds)
        finally:
            injection.heal()

    def _keep(self, seconds: float | None) -> None:
        """Wait for `seconds`, or without a duration until the load ends; at most until `stop`."""
        if seconds is not None:
            self.clock.wait(self.stop, seconds)
            return
        while not (self.clock.wait(self.load_over, _POLL) or self.stop.is_set()):
            pass
