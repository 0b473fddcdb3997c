"""How many events a second are judged, by all checks of a scenario like pdns2_2024.

    python -m benchmarks.judge            about ten seconds

The history is generated: travellers at a desk, an outage in the middle, a backlog that drains.
Reading it back from JSON lines is timed apart, because `harness judge` pays for both.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.checks import judge_all, worst
from harness.history import (
    AnyEvent,
    Ended,
    Fault,
    Gauge,
    Generator,
    History,
    Invoke,
    LogEvent,
    Mode,
    Node,
    Notice,
    Ok,
    Plan,
    Read,
    Stage,
    Started,
    write_history,
)
from harness.scenario import Expectation

REQUESTS = 40_000
LENGTH = 60.0
CUT, HEAL = 10.0, 30.0
ROUNDS = 3

LEDGER = {"service": "ledger", "read": "instructions"}
EXPECT = [
    Expectation.model_validate(value)
    for value in [
        "faults_bite",
        "generator_healthy",
        "steady_state",
        {"fallback": {"services": "desk", "within": "10m"}},
        {"leaves_fallback": {"services": "desk", "within": "11h"}},
        {"honest_answers": {"op": "pay", "claim": {"path": "live"}, "ledger": LEDGER}},
        {"exactly_once": {"ops": "pay", "ledger": LEDGER}},
        "stages_in_order",
        {"no_storm": {"tenants": "ledger", "per_request": 4, "peak": 4}},
        {"backlog_drains": {"services": "desk", "within": "20h"}},
        {"errors_subside": {"window": "5h"}},
        {"notices": {"first": "1h", "every": "7h", "after": "6h"}},
        "quiesced",
        "nothing_crashed",
    ]
]


def _requests() -> Iterator[AnyEvent]:
    for i in range(REQUESTS):
        t, name = LENGTH * i / REQUESTS, f"r{i}"
        path = "paper" if CUT < t < HEAL + 1 else "live"
        asked = {"id": name, "document": f"X{i:07}"}
        yield Invoke(
            t=t, id=name, op="pay", service="desk", actor=name, journey="pay", due=t, input=asked
        )
        yield Ok(t=t + 0.02, id=name, op="pay", service="desk", latency=0.02, value={"path": path})
    rows = [{"id": f"r{i}"} for i in range(REQUESTS)]
    for start in range(0, REQUESTS, 500):
        page = tuple(rows[start : start + 500])
        last = start + 500 >= REQUESTS
        yield Read(t=LENGTH + 1, service="ledger", name="instructions", items=page, complete=last)


def _outage() -> Iterator[AnyEvent]:
    for state, t in (("asked", CUT - 0.2), ("verified", CUT), ("healing", HEAL), ("healed", HEAL)):
        yield Fault(t=t, id="cut", step="cut", fault="cut", targets=("line",), state=state)  # type: ignore[arg-type]
    yield Mode(t=CUT + 0.1, service="desk", mode="manual")
    yield Mode(t=HEAL + 1, service="desk", mode="mixed")
    yield Mode(t=HEAL + 8, service="desk", mode="automatic")
    for i in range(100):
        yield LogEvent(
            t=HEAL + 1 + i * 0.05, service="desk", event="journal", data={"pending": 99 - i}
        )
    yield Plan(t=0.0, service="command", stages={"ledger": ()})
    yield Stage(t=HEAL + 1, service="command", stage="ledger", state="ramping", share=1.0)
    yield Stage(t=HEAL + 2, service="command", stage="ledger", state="done", share=1.0)
    for number, t in enumerate((CUT + 0.5, 15.0, 20.0, 25.0, 30.0, 35.0)):
        state = "progress" if number else "disruption"
        yield Notice(t=t, service="command", number=number, state=state, texts={"en": "x"})
    yield Notice(t=HEAL + 9, service="command", number=9, state="all-clear", texts={"en": "x"})


def events() -> list[AnyEvent]:
    """A whole run, by time."""
    told: list[AnyEvent] = [*_requests(), *_outage()]
    told.append(
        Started(t=0.0, scenario="bench", seed=1, pace=4800.0, epoch=0.0, origin="2024-06-20")
    )
    told.append(Node(t=0.0, service="ledger", state="ready"))
    for i in range(int(LENGTH * 2)):
        told.append(Gauge(t=i / 2, service="ledger", values={"received": REQUESTS / LENGTH / 2}))
        told.append(Generator(t=i / 2, worker="w", cpu=0.3))
    told.append(Generator(t=LENGTH, worker="w", cpu=0.3, state="finished"))
    told.append(Ended(t=LENGTH + 2, quiescent=True))
    told.sort(key=lambda event: event.t)
    return [msgspec.structs.replace(event, index=index) for index, event in enumerate(told)]


def main() -> None:
    """Print events read and judged a second; the best of a few rounds."""
    told = events()
    with tempfile.TemporaryDirectory() as folder:
        write_history(Path(folder) / "history.jsonl", told)
        read = judged = float("inf")
        for _ in range(ROUNDS):
            began = time.perf_counter()
            history = History.read(Path(folder))
            middle = time.perf_counter()
            verdicts = judge_all(history, EXPECT)
            judged = min(judged, time.perf_counter() - middle)
            read = min(read, middle - began)
    if worst(verdicts) != "pass":
        raise SystemExit("\n".join(f"{v.name}: {v.reason}" for v in verdicts if v.result != "pass"))
    print(
        f"judge: {len(told):,} events, {len(EXPECT)} checks: {len(told) / judged:,.0f} events/s "
        f"judged ({judged:.2f} s), {len(told) / read:,.0f} events/s read from disk ({read:.2f} s)"
    )


if __name__ == "__main__":
    main()
