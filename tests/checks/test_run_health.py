"""Checks of the run itself: faults, generator, baseline, end, processes."""

import pytest

from harness.checks._outage import combined_outage
from harness.history import Fault, Invoke
from tests.run_builder import RunBuilder

# ---- faults_bite --------------------------------------------------------------------------------


def test_faults_that_were_verified_and_healed_pass() -> None:
    run = RunBuilder().fault("a", 10, 20).fault("b", 30, 40).end()
    verdict = run.judge("faults_bite", steps=["a", "b"])
    assert verdict.result == "pass"
    assert verdict.reason == "2 injections verified and healed"
    assert verdict.measured == {
        "injections": 2,
        "verified": 2,
        "healed": 2,
        "slowest_bite_life_s": 12.0,
        "slowest_bite_real_s": 0.2,
    }


def test_an_unhealed_fault_fails_even_if_another_was_not_verified() -> None:
    run = RunBuilder().fault("a", 10, 20, verified=False)
    run.fault("b", 10, 20, last="unhealed", detail="proxy gone").end()
    verdict = run.judge("faults_bite")
    assert verdict.result == "fail"
    assert verdict.reason == (
        "NOT HEALED, clean up the stack with `harness heal`: b (cut on link): proxy gone"
    )
    assert {getattr(event, "step", None) for event in run.evidence(verdict)} == {"b"}


def test_a_fault_not_healed_by_the_end_fails() -> None:
    verdict = RunBuilder().fault("a", 10, None).end().judge("faults_bite")
    assert verdict.result == "fail"


@pytest.mark.parametrize(
    ("run", "steps", "reason"),
    [
        (RunBuilder().end(), [], "no fault was injected, so nothing was tested"),
        (RunBuilder().fault("a", 10, 20).end(), ["a", "b", "c"], "2 steps never began: b, c"),
        (
            RunBuilder().fault("a", 10, 20, verified=False, detail="still answers").end(),
            [],
            "1 injection not verified: a (cut on link): still answers",
        ),
        (
            RunBuilder().fault("a", 10, None),
            [],
            "the run was cut short before a fault was healed: a (cut on link)",
        ),
    ],
)
def test_faults_that_did_not_test_the_system_are_inconclusive(
    run: RunBuilder, steps: list[str], reason: str
) -> None:
    verdict = run.judge("faults_bite", steps=steps)
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


def with_details(**details: str) -> RunBuilder:
    """Return a run with the fault `a` in the given states, in order, 1 s apart, then the end."""
    run = RunBuilder()
    for t, (state, detail) in enumerate(details.items()):
        fault = Fault(
            t=float(t), id="a", step="a", fault="cut", targets=("link",),
            state=state, detail=detail,  # type: ignore[arg-type]
        )  # fmt: skip
        run.events.append(fault)
    return run.end()


def test_the_reason_is_from_the_state_that_decides() -> None:
    run = with_details(
        asked="", injected="", unverified="still answers", healing="", healed="answers again"
    )
    reason = run.judge("faults_bite").reason
    assert reason == "1 injection not verified: a (cut on link): still answers"


def test_a_fault_that_was_lost_is_inconclusive_and_says_when() -> None:
    run = with_details(
        asked="", injected="", verified="refused", lost="its proxy is enabled", healing="",
        healed="answers again",
    )  # fmt: skip
    verdict = run.judge("faults_bite")
    assert (verdict.result, verdict.reason) == (
        "inconclusive",
        "1 injection lost: a (cut on link) at 3.0 s of the run: its proxy is enabled",
    )
    assert combined_outage(run.history()) == (
        "the fault 'a' was lost before its healing, so its length is unknown"
    )


def test_every_injection_of_a_flapping_fault_must_be_verified() -> None:
    run = (
        RunBuilder()
        .fault("a", 10, 11, injection="a1")
        .fault("a", 12, 13, injection="a2", verified=False)
        .end()
    )
    verdict = run.judge("faults_bite")
    assert verdict.result == "inconclusive"
    assert verdict.measured["injections"] == 2


# ---- generator_healthy --------------------------------------------------------------------------


def healthy(**kw: float) -> RunBuilder:
    return (
        RunBuilder()
        .requests(100, 0, 50, "pay", **kw)
        .generator(1)
        .generator(50, state="finished")
        .end()
    )


def test_a_generator_on_time_passes() -> None:
    verdict = healthy(lag=0.02).judge("generator_healthy")
    assert verdict.result == "pass"
    assert verdict.reason == "99 of 100 requests started within 0.02 s of their due time"
    assert verdict.measured["lag_p99_ms"] == 20.0


def test_one_late_request_in_a_hundred_is_allowed_and_two_are_not() -> None:
    assert healthy().request(60, "pay", lag=1).judge("generator_healthy").result == "pass"
    verdict = healthy().requests(2, 60, 62, "pay", lag=1).judge("generator_healthy")
    assert verdict.result == "inconclusive"
    assert verdict.reason == (
        "1 of 100 requests started more than 1 s late, over the limit of 0.25 s: "
        "the load was not as planned"
    )


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (RunBuilder().requests(100, 0, 50, "pay"), "the load generator reported no CPU use"),
        (
            RunBuilder().request(1, "pay").generator(2),
            (
                "only 1 request in the run, at least 30 needed; raise load.duration or the "
                "arrivals, or set generator_healthy.min_requests"
            ),
        ),
        (healthy().generator(30, state="died", worker="x"), "the load generator died: x"),
        (
            healthy().generator(30, state="stopped", worker="0").generator(31, state="died"),
            "the load generator died: w",
        ),
        (
            healthy().generator(30, state="stopped", worker="0"),
            "the run ended before everything was sent",
        ),
        (
            healthy().generator(30, worker="x"),
            "x stopped reporting before it had sent everything",
        ),
    ],
)
def test_a_generator_with_problems_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("generator_healthy")
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


def sent(worker: str, number: int, lag: float) -> list[Invoke]:
    return [
        Invoke(
            t=n / 10 + lag, id=f"{worker}-{n}", op="pay", service="shop", actor="", journey="",
            due=n / 10, input={},
        )
        for n in range(number)
    ]  # fmt: skip


def shared(*requests: Invoke, workers: tuple[str, ...] = ("0", "1")) -> RunBuilder:
    run = RunBuilder()
    for request in requests:
        run.add(request)
    for worker in workers:
        run.generator(50, state="finished", worker=worker)
    return run.end()


def test_one_late_worker_is_not_hidden_among_many_requests() -> None:
    run = shared(*sent("0", 19_900, 0.0), *sent("1", 100, 0.5))
    verdict = run.judge("generator_healthy")
    assert verdict.result == "inconclusive"
    assert verdict.reason == (
        "1 of 100 requests of worker 1 started more than 0.5 s late, over the limit of 0.25 s: "
        "the load was not as planned"
    )


def test_a_worker_that_sent_requests_without_reports_is_inconclusive() -> None:
    run = shared(*sent("0", 100, 0.0), *sent("1", 5, 0.0), workers=("0",))
    verdict = run.judge("generator_healthy")
    assert verdict.result == "inconclusive"
    assert verdict.reason == "worker 1 sent requests and reported no CPU use"


def test_healthy_workers_pass_and_are_counted() -> None:
    verdict = shared(*sent("0", 100, 0.0), *sent("1", 100, 0.0)).judge("generator_healthy")
    assert verdict.result == "pass"
    assert verdict.measured["workers"] == 2


def test_a_worker_is_cpu_bound_only_if_it_stays_busy() -> None:
    brief, long = healthy(), healthy()
    for t in range(10, 16):
        brief.generator(t, cpu=0.95)
    for t in range(10, 17):
        long.generator(t, cpu=0.95)
    assert brief.judge("generator_healthy").result == "pass"
    verdict = long.judge("generator_healthy")
    assert verdict.result == "inconclusive"
    assert verdict.reason == "w used over 90% of its core: it was the bottleneck"


def test_the_simulation_needs_no_generator() -> None:
    run = RunBuilder(backend="sim").requests(100, 0, 50, "pay")
    assert run.judge("generator_healthy").result == "pass"


# ---- steady_state -------------------------------------------------------------------------------


def test_a_quiet_baseline_passes() -> None:
    run = (
        RunBuilder()
        .requests(30, 0, 9, "pay")
        .fault("a", 10, 20)
        .requests(50, 10, 20, "pay", "fail")
    )
    verdict = run.judge("steady_state")
    assert verdict.result == "pass"
    assert verdict.reason == "30 requests before the first fault, 0 % of them failed"


def test_requests_in_flight_at_the_fault_are_not_baseline() -> None:
    run = (
        RunBuilder()
        .requests(30, 0, 9, "pay")
        .request(9.7, "pay", "unknown", latency=1)
        .fault("a", 10, 20)
    )
    assert run.judge("steady_state").measured["requests"] == 30


def test_only_the_named_operations_count() -> None:
    run = (
        RunBuilder()
        .requests(30, 0, 9, "pay")
        .requests(30, 0, 9, "browse", "fail")
        .fault("a", 10, 20)
    )
    assert run.judge("steady_state", ops="pay").result == "pass"
    assert run.judge("steady_state").result == "inconclusive"


def test_without_a_fault_the_whole_run_is_the_baseline() -> None:
    run = RunBuilder().requests(29, 0, 9, "pay").request(50, "pay", None).end()
    assert run.judge("steady_state", error_rate=0.04).measured["requests"] == 30


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            RunBuilder().requests(29, 0, 9, "pay").fault("a", 10, 20),
            "no baseline: only 29 requests before the first fault, at least 30 needed",
        ),
        (
            RunBuilder()
            .requests(38, 0, 9, "pay")
            .requests(2, 0, 9, "buy", "unknown")
            .fault("a", 10, 20),
            (
                "no baseline: 5 % of requests failed before the first fault, "
                "where 1 % are allowed (buy)"
            ),
        ),
        (
            RunBuilder().requests(30, 0, 9, "pay").mode(5, "desk", "manual").fault("a", 10, 20),
            "no baseline: desk was already manual before the first fault",
        ),
    ],
)
def test_a_missing_baseline_is_inconclusive(run: RunBuilder, reason: str) -> None:
    verdict = run.judge("steady_state")
    assert (verdict.result, verdict.reason) == ("inconclusive", reason)


def test_an_error_rate_exactly_at_the_limit_passes() -> None:
    run = RunBuilder().requests(99, 0, 9, "pay").request(5, "pay", "fail").fault("a", 10, 20)
    assert run.judge("steady_state").result == "pass"


# ---- quiesced, nothing_crashed ------------------------------------------------------------------


def test_quiesced_follows_the_ended_event() -> None:
    assert RunBuilder().end().judge("quiesced").result == "pass"
    busy = RunBuilder().end(quiescent=False, reason="counter has 3 pending").judge("quiesced")
    assert busy.result == "fail"
    assert busy.reason == (
        "the system was not quiescent when the settle time ended: counter has 3 pending"
    )
    assert RunBuilder().judge("quiesced").result == "inconclusive"


def test_quiesced_is_inconclusive_and_names_the_key_if_no_service_could_be_asked() -> None:
    verdict = RunBuilder().end(quiescent=False, asked=False).judge("quiesced")
    assert verdict.result == "inconclusive"
    assert "add x-harness.quiescent" in verdict.reason


def test_only_unplanned_exits_are_crashes() -> None:
    run = RunBuilder().node(0, "shop", "ready").node(5, "shop", "exited", planned=True)
    assert run.judge("nothing_crashed").result == "pass"
    run.node(7, "bank", "exited", planned=False, detail="signal 11")
    verdict = run.judge("nothing_crashed")
    assert verdict.result == "fail"
    assert verdict.reason == "1 unplanned exit: bank (signal 11)"
    assert [getattr(event, "service", None) for event in run.evidence(verdict)] == ["bank"]
    assert RunBuilder().judge("nothing_crashed").result == "inconclusive"
