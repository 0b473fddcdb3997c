"""Measure how many events per second all checks of a scenario like pdns2_2024 judge.

    python -m benchmarks.judge            about ten seconds

The history is generated: requests at one service, an outage in the middle, a backlog that drains.
Reading it from JSON lines is timed separately, because `harness judge` does both.
"""

import tempfile
import time
from pathlib import Path

from harness.checks import judge_all, worst
from harness.history import AnyEvent, History, write_history
from harness.scenario import Expectation
from tests.run_builder import RunBuilder

REQUESTS = 40_000
LENGTH = 60.0
CUT, HEAL = 10.0, 30.0
PAGE = 500
ROUNDS = 3

LEDGER = {"service": "ledger", "read": "orders"}
EXPECT = [
    Expectation.model_validate(value)
    for value in [
        "faults_bite",
        "generator_healthy",
        "steady_state",
        {"fallback": {"services": "shop", "within": "10m"}},
        {"leaves_fallback": {"services": "shop", "within": "11h"}},
        {"honest_answers": {"op": "pay", "claim": {"path": "online"}, "ledger": LEDGER}},
        {"exactly_once": {"ops": "pay", "ledger": LEDGER}},
        "stages_in_order",
        {"no_storm": {"tenants": "ledger", "per_request": 4, "peak": 4}},
        {"backlog_drains": {"services": "shop", "within": "20h"}},
        {"errors_subside": {"window": "5h"}},
        {"notices": {"first": "1h", "every": "7h", "after": "6h"}},
        "quiesced",
        "nothing_crashed",
    ]
]


def _add_requests(run: RunBuilder) -> None:
    for i in range(REQUESTS):
        t = LENGTH * i / REQUESTS
        path = "manual" if CUT < t < HEAL + 1 else "online"
        answer = {"path": path}
        run.request(t, "pay", latency=0.02, value=answer, id=f"p{i}", document=f"X{i:07}")
    rows = [{"id": f"p{i}"} for i in range(REQUESTS)]
    for start in range(0, REQUESTS, PAGE):
        page, last = rows[start : start + PAGE], start + PAGE >= REQUESTS
        run.final_read("ledger", "orders", *page, at=LENGTH + 1, complete=last)


def _add_outage(run: RunBuilder) -> None:
    run.fault("cut", CUT, HEAL)
    run.mode(CUT + 0.1, "shop", "manual")
    run.mode(HEAL + 1, "shop", "mixed")
    run.mode(HEAL + 8, "shop", "automatic")
    for i in range(100):
        run.log(HEAL + 1 + i * 0.05, "shop", "journal", pending=99 - i)
    run.plan(ledger=())
    run.stage(HEAL + 1, "ledger", "ramping", 1.0).stage(HEAL + 2, "ledger", "done", 1.0)
    run.notice(CUT + 0.5, "disruption", 1)
    for number, t in enumerate((15.0, 20.0, 25.0, 30.0, 35.0), 2):
        run.notice(t, "progress", number)
    run.notice(HEAL + 9, "all-clear", 7)


def events() -> list[AnyEvent]:
    """Return the events of a whole run, by time."""
    run = RunBuilder(pace=4800)
    _add_requests(run)
    _add_outage(run)
    run.node(0.0, "ledger", "ready")
    for i in range(int(LENGTH * 2)):
        run.gauge(i / 2, "ledger", received=REQUESTS / LENGTH / 2)
        run.generator(i / 2, cpu=0.3)
    run.generator(LENGTH, cpu=0.3, state="finished")
    return run.end(LENGTH + 2).ordered()


def main() -> None:
    """Print how many events per second are read and judged, each as the best of a few rounds."""
    history_events = events()
    with tempfile.TemporaryDirectory() as folder:
        write_history(Path(folder) / "history.jsonl", history_events)
        read = judged = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            history = History.read(Path(folder))
            middle = time.perf_counter()
            verdicts = judge_all(history, EXPECT)
            judged = min(judged, time.perf_counter() - middle)
            read = min(read, middle - start)
    if worst(verdicts) != "pass":
        raise SystemExit("\n".join(f"{v.name}: {v.reason}" for v in verdicts if v.result != "pass"))
    number = len(history_events)
    print(
        f"judge: {number:,} events, {len(EXPECT)} checks: {number / judged:,.0f} events/s "
        f"judged ({judged:.2f} s), {number / read:,.0f} events/s read from disk ({read:.2f} s)"
    )


if __name__ == "__main__":
    main()
