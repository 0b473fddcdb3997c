"""A run at one moment, as plain data: what the terminal shows, and what is sent as JSON.

    snapshot = live_state.snapshot()
    text = msgspec.json.encode(snapshot)

`take_snapshot` derives it from the fold over the events (`harness.history.RunState`).
"""

import msgspec

from harness.history import FaultState, RequestCounts, RunState

from ._messages import Message


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """The last report about one stage of a recovery plan."""

    service: str
    """The service that carries out the plan."""
    stage: str
    state: str
    share: float
    """The part of the requests that the stage admits, 0 to 1."""


class ActiveFault(msgspec.Struct, frozen=True, kw_only=True):
    """One injection that is not healed."""

    id: str
    step: str
    fault: str
    targets: tuple[str, ...]
    state: FaultState
    detail: str
    since: float
    """Wall-clock seconds from the start of the run until it reached this state."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A run at one moment. Serialises to JSON with msgspec."""

    scenario: str
    """Empty until the run has begun; then so are the two clocks below."""
    phase: str
    """`starting`, `load`, `quiescence`, `reads` or `interrupted`."""
    t: float
    """Wall-clock seconds since the start of the run; negative before it."""
    scenario_seconds: float
    """Scenario seconds since the start of the run."""
    scenario_clock: str
    """The date and time in the scenario, in ISO 8601."""
    ended: bool
    requests: RequestCounts
    modes: dict[str, str]
    """By service; one whose mode is unknown is missing."""
    nodes: dict[str, str]
    """By service, the last state of its process or container."""
    stages: tuple[StageState, ...]
    faults: tuple[ActiveFault, ...]
    gauges: dict[str, dict[str, float]]
    """By service, its gauges, such as `waiting` and `backlog`."""
    messages: tuple[Message, ...]
    """The last messages, the newest at the end."""

    def total(self, gauge: str) -> float:
        """Return the sum of `gauge` over all services."""
        return sum(values.get(gauge, 0.0) for values in self.gauges.values())


def take_snapshot(state: RunState, messages: tuple[Message, ...], now: float) -> Snapshot:
    """Return `state` and `messages` as plain data; `now` is the Unix time."""
    started = state.started
    t = scenario_seconds = 0.0
    scenario = scenario_clock = ""
    if started is not None:
        t = now - started.epoch
        scenario_seconds = t * started.pace
        scenario = started.scenario
        if started.origin:
            scenario_clock = started.scenario_clock(t).isoformat(timespec="seconds")
    return Snapshot(
        scenario=scenario,
        phase=state.phase,
        t=t,
        scenario_seconds=scenario_seconds,
        scenario_clock=scenario_clock,
        ended=state.ended is not None,
        requests=msgspec.structs.replace(state.requests),
        modes={event.service: event.mode for event in state.modes},
        nodes={service: event.state for service, event in state.nodes.items()},
        stages=tuple(
            StageState(service=e.service, stage=e.stage, state=e.state, share=e.share)
            for e in state.stages.values()
        ),
        faults=tuple(
            ActiveFault(
                id=event.id,
                step=event.step,
                fault=event.fault,
                targets=event.targets,
                state=event.state,
                detail=event.detail,
                since=event.t,
            )
            for event in state.faults.values()
        ),
        gauges={service: dict(values) for service, values in state.gauges.items()},
        messages=messages,
    )
