"""A small run with an outage, for the tests of the reports."""

from typing import Any

import msgspec

from harness.checks import Verdict
from harness.errors import ExitCode
from harness.history import (
    AnyEvent,
    Ended,
    Fault,
    FaultState,
    Gauge,
    History,
    Invoke,
    Mode,
    Notice,
    Ok,
    Phase,
    Stage,
    Started,
    Unknown,
)
from harness.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "outage",
        "title": "Does <everything> hold & come back?",
        "pace": 3600,
        "origin": "2024-06-20T00:00:00+07:00",
        "load": {"journeys": "j", "duration": "20h"},
        "expect": ["quiesced"],
    }
)


def history() -> History:
    """Return 20 hours in 20 seconds: an outage from 4:00 to 12:00, one request per hour."""
    events: list[AnyEvent] = [
        Started(
            backend="local",
            t=0.0,
            scenario="outage",
            seed=7,
            pace=3600,
            epoch=0.0,
            origin="2024-06-20T00:00:00+07:00",
        )
    ]
    for hour in range(20):
        down = 4 <= hour < 12
        path = "manual" if down else "online"
        name, common = f"r{hour}", {"op": "counter", "service": "counter-cgk"}
        events.append(
            Invoke(t=hour, id=name, actor=name, journey="passenger", due=hour, **common)  # type: ignore[arg-type]
        )
        if hour == 5:
            events.append(Unknown(t=hour + 0.5, id=name, latency=0.5, error="timeout", **common))  # type: ignore[arg-type]
        else:
            events.append(
                Ok(t=hour + 0.1, id=name, latency=0.1, status=200, value={"path": path}, **common)  # type: ignore[arg-type]
            )
    states: list[tuple[float, FaultState]] = [
        (4.0, "asked"),
        (4.1, "injected"),
        (4.2, "verified"),
        (11.9, "healing"),
        (12.0, "healed"),
    ]
    events += [
        Fault(t=t, id="1", step="center_stops", fault="cut", targets=("a-b",), state=state)
        for t, state in states
    ]
    events += [
        Mode(t=4.5, service="counter-cgk", mode="manual", previous="automatic", reason="no answer"),
        Gauge(t=5.0, service="counter-cgk", values={"waiting": 9.0, "backlog": 4.0}),
        Stage(t=4.6, service="command", stage="border", state="closed"),
        Stage(t=13.0, service="command", stage="border", state="done", share=1.0),
        Mode(t=13.5, service="counter-cgk", mode="automatic", previous="manual"),
        Notice(t=5.0, service="command", number=1, state="disruption", texts={"en": "Come early."}),
        Gauge(t=14.0, service="counter-cgk", values={"waiting": 0.0, "backlog": 0.0}),
        Phase(t=0.0, name="load"),
        Ended(t=20.0, quiescent=True),
    ]
    events.sort(key=lambda event: event.t)
    return History([msgspec.structs.replace(e, index=i) for i, e in enumerate(events)])


VERDICTS = [
    Verdict(check="quiesced", name="quiesced", result="pass", reason="every service is quiescent"),
    Verdict(
        check="notices",
        name="notices",
        result="fail",
        reason="notice 2 | came <late>",
        evidence=(3,),
        measured={"gap": 7.5},
    ),
    Verdict(check="x", name="x", result="inconclusive", reason="too few"),
]


def parts(**changes: Any) -> dict[str, Any]:
    """Return the arguments of `write_reports` for a failed run, replaced by `changes`."""
    return {
        "history": history(),
        "scenario": SCENARIO,
        "stack": {"command": "harness run outage --seed 7", "versions": {"toxiproxy": "2.12.0"}},
        "verdicts": VERDICTS,
        "problems": [],
        "exit_code": ExitCode.FAIL,
        **changes,
    }
