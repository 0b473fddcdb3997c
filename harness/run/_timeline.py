"""Carries out a scenario's timeline: one thread per step, each waiting for its own trigger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread

import httpx

from harness.chaos import Chaos, Fault
from harness.history import Called
from harness.scenario import CallStep, FaultStep, Scenario, Step
from harness.stack import Stack

from ._live_state import LiveState
from ._recorder import Recorder
from ._settle import client


@dataclass
class Timeline:
    """The steps of one run. `stop` ends every wait at once; faults are then healed."""

    scenario: Scenario
    faults: Mapping[str, Fault]
    """By step label, validated and bound to the stack."""
    stack: Stack
    chaos: Chaos
    recorder: Recorder
    live_state: LiveState
    stop: Flag
    load_over: Flag
    problems: list[str] = field(default_factory=list)
    """Steps that never started, or that the harness could not carry out."""
    _done: dict[str, Flag] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)
    _threads: list[Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin; `at` counts from now on."""
        self._done = {step.label: Flag() for step in self.scenario.timeline}
        for step in self.scenario.timeline:
            # Daemons: a step that hangs must not keep the process from ending with its verdict.
            thread = Thread(
                target=self._carry_out, args=(step,), name=f"step {step.label}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def wait(self, remaining: Callable[[], float]) -> bool:
        """Whether every step had ended before nothing remained."""
        for thread in self._threads:
            thread.join(max(remaining(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def _carry_out(self, step: Step) -> None:
        try:
            if not self._triggered(step):
                return
            self._begun.add(step.label)
            if isinstance(step, CallStep):
                self._call(step)
            else:
                self._fault(step)
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the verdict
            self.problems.append(f"step {step.label!r}: {type(error).__name__}: {error}")
            self.stop.set()
        finally:
            self._done[step.label].set()

    def _triggered(self, step: Step) -> bool:
        pace = self.scenario.pace
        if step.at is not None:
            self._until((step.at + step.delay) / pace)
            return not self.stop.is_set()
        if step.after is not None:
            awaited = self._done[step.after]
            while not awaited.wait(0.1):
                if self.stop.is_set():
                    return False
            if step.after not in self._begun:
                self._never(step, f"the step {step.after!r} that it awaits never started")
                return False
        elif step.when is not None:
            deadline = step.when.within / pace
            if (
                self.live_state.wait(step.when, self.stop, lambda: deadline - self.recorder.t)
                is None
            ):
                within = f"{step.when.within:g} s of life"
                self._never(step, f"no {step.when.event} event as its `when` asks for in {within}")
                return False
        self.stop.wait(step.delay / pace)
        return not self.stop.is_set()

    def _never(self, step: Step, why: str) -> None:
        if not self.stop.is_set():
            self.problems.append(f"step {step.label!r} never started: {why}")

    def _until(self, t: float) -> None:
        self.stop.wait(max(0.0, t - self.recorder.t))

    def _call(self, step: CallStep) -> None:
        call = step.call
        status, detail = 0, ""
        try:
            with client() as http:
                answer = http.request(
                    call.method,
                    f"http://{self.stack.address(call.service)}{call.path}",
                    json=call.body,
                )
            status, detail = answer.status_code, answer.text[:500]
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

    def _fault(self, step: FaultStep) -> None:
        fault = self.faults[step.label]
        until = self.stop if step.for_ is not None else self.load_over
        seconds = None if step.for_ is None else step.for_ / self.scenario.pace
        if step.flap is not None:
            pace = self.scenario.pace
            self.chaos.flap(
                fault, step.label, on=step.flap.on / pace, off=step.flap.off / pace,
                seconds=seconds, stop=until,
            )  # fmt: skip
            return
        injection = self.chaos.inject(fault, step.label)
        try:
            self._hold(seconds)
        finally:
            injection.heal()

    def _hold(self, seconds: float | None) -> None:
        if seconds is not None:
            self.stop.wait(seconds)
            return
        while not (self.load_over.wait(0.1) or self.stop.is_set()):
            pass
