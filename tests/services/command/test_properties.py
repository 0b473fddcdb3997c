"""Properties of the plan and the notices that hold for any sequence of observations."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.command._advance import advance, initial_recovery
from services.command._incident import Incident
from services.command._notice import NoticeBoard, StatusSummary
from services.command._observation import Observation
from services.command._plan import Plan, load_plan
from services.command._progress import Recovery, SetShare

PLAN = load_plan()
SERVICES = sorted(PLAN.services())
EVERY = 300.0
CLOSED = ("closed", "relapsed", "unknown")

# A few typical observations rather than any: cheap to draw, and a failing history stays readable.
observations = st.sampled_from(
    [
        Observation(reached=True, ready=True, share=1.0, mode="automatic"),
        Observation(reached=True, ready=True, share=0.0, mode="manual", backlog=3),
        Observation(),
        Observation(reached=True, ready=True, share=0.5, mode="mixed", backlog=2),
        Observation(reached=True, ready=True, share=0.25, mode="mixed", backlog=1),
        Observation(reached=True, ready=False, share=1.0, mode="manual"),
        Observation(reached=True, ready=False, share=0.0, mode="automatic"),
        Observation(reached=True, ready=True, share=1.0, received=20, failed=9),
        Observation(reached=True, ready=True, mode="manual"),
    ]
)
rounds = st.tuples(*[observations] * len(SERVICES)).map(
    lambda drawn: dict(zip(SERVICES, drawn, strict=True))
)
HEALTHY = Observation(reached=True, ready=True, share=1.0, mode="automatic")


def apply_orders(current: dict[str, Observation], orders: list[SetShare]) -> dict[str, Observation]:
    for order in orders:
        if current[order.target].reached:
            current[order.target] = replace(current[order.target], share=order.share)
    return current


def assert_invariants(plan: Plan, before: Recovery, after: Recovery) -> None:
    for name, progress in after.stages.items():
        stage = plan.stages[name]
        if progress.state in ("ramping", "dwelling"):
            assert all(after.stages[p].state == "done" for p in stage.after), name
        if progress.state == "done":
            needed = [after.stages[p].state for p in plan.needs(name)]
            assert all(state in ("done", "unknown") for state in needed), name
        was = before.stages[name].share(stage)
        share = progress.share(stage)
        if was is not None and share is not None and share > was:
            assert all(after.stages[p].state == "done" for p in stage.after), name
            steps = (0.0, *stage.ramp)
            assert steps.index(share) == steps.index(was) + 1, f"{name} skips a step"
        if progress.state != "done":
            assert progress.reason or progress.state == "unknown", name


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(rounds, min_size=1, max_size=40), st.booleans())
def test_no_stage_opens_early_and_every_relapse_closes_all_later_stages(
    history: list[dict[str, Observation]], applied: bool
) -> None:
    recovery = initial_recovery(PLAN)
    orders: list[SetShare] = []
    for number, current in enumerate(history):
        observed = apply_orders(dict(current), orders) if applied else current
        before = recovery
        recovery, changes, orders = advance(PLAN, recovery, observed, number * EVERY)
        assert_invariants(PLAN, before, recovery)
        for change in changes:
            assert change.gate
            if change.state == "relapsed":
                later = PLAN.successors[change.stage]
                assert all(recovery.stages[name].state in CLOSED for name in later)
        for order in orders:
            name = next(n for n, s in PLAN.stages.items() if s.target == order.target)
            assert order.share == recovery.stages[name].share(PLAN.stages[name])
            assert observed[order.target].share != order.share, (
                "an order is not repeated once it has taken effect"
            )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(rounds, max_size=25))
def test_all_stages_are_done_within_a_bound_once_all_targets_are_ready(
    history: list[dict[str, Observation]],
) -> None:
    recovery = initial_recovery(PLAN)
    orders: list[SetShare] = []
    now = 0.0
    current = dict.fromkeys(SERVICES, HEALTHY)
    for observed in history:
        now += EVERY
        current = apply_orders(dict(observed), orders)
        recovery, _, orders = advance(PLAN, recovery, current, now)
    shares = {name: current[name].share for name in SERVICES}
    steady = {
        name: replace(HEALTHY, share=0.0 if shares[name] is None else shares[name])
        for name in SERVICES
    }
    # In rounds: the longest wait after a relapse (8), and for each stage on the longest path of the
    # plan: closing (2), being ready (2), giving up on a share not applied (3), its steps (3).
    bound = 8 + 3 + 5 * 10
    for _ in range(bound):
        now += EVERY
        steady = apply_orders(steady, orders)
        recovery, _, orders = advance(PLAN, recovery, steady, now)
    assert {name: p.state for name, p in recovery.stages.items()} == dict.fromkeys(
        PLAN.stages, "done"
    )
    assert orders == []


summaries = st.builds(
    StatusSummary,
    state=st.sampled_from(["disruption", "progress"]),
    working=st.sampled_from([(), ("border",), ("border", "visa")]),
    partial=st.just(()),
    stopped=st.just(()),
    unconfirmed=st.just(()),
)
ALL_CLEAR = StatusSummary("all-clear", ("border",), (), (), ())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.floats(0, 50000),
    st.lists(st.tuples(st.floats(1, 40000), summaries), min_size=1, max_size=12),
    st.sampled_from([60.0, 2400.0, 21600.0]),
)
def test_notices_are_never_further_apart_than_promised(
    quiet: float, timeline: list[tuple[float, StatusSummary]], margin: float
) -> None:
    every = 21600.0
    board = NoticeBoard(PLAN, every, margin)
    now, woken, summary, incident = 0.0, board.interval, ALL_CLEAR, Incident()
    ends = []
    for duration, following in [(quiet, ALL_CLEAR), *timeline, (1.0, ALL_CLEAR)]:
        # As `Controller.publish_notices` does: sleep as long as the board says, then update.
        end = now + duration
        while woken < end:
            now = woken
            board.update(summary, incident, now)
            woken = now + min(max(board.wait(now), 1.0), board.interval)
        now = end
        ends.append(end)
        summary = following
        incident = Incident(since=None if summary is ALL_CLEAR else now)
        board.update(summary, incident, now)
    notices = board.notices
    assert notices[-1].state == "all-clear"
    assert notices[-1].issued_at == ends[-1]
    assert [n.number for n in notices] == list(range(1, len(notices) + 1))
    assert all(set(n.texts) == {"id", "en"} for n in notices)
    for one, following_notice in pairwise(notices):
        assert one.next_due == one.issued_at + every
        assert following_notice.issued_at <= one.next_due
