"""What the plan and the notices promise, whatever is seen and in whatever order."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.command._advance import advance, begin
from services.command._incident import Incident
from services.command._notice import Board, Picture
from services.command._plan import Plan, load_plan
from services.command._progress import Recovery, SetShare
from services.command._sight import Sight

PLAN = load_plan()
SERVICES = sorted(PLAN.services())
EVERY = 300.0
SHUT = ("closed", "relapsed", "unknown")

# A few kinds of sights, rather than any: cheap to draw, and a failing history shrinks to words.
sights = st.sampled_from(
    [
        Sight(reached=True, ready=True, share=1.0, mode="automatic"),
        Sight(reached=True, ready=True, share=0.0, mode="manual", backlog=3),
        Sight(),
        Sight(reached=True, ready=True, share=0.5, mode="mixed", backlog=2),
        Sight(reached=True, ready=True, share=0.25, mode="mixed", backlog=1),
        Sight(reached=True, ready=False, share=1.0, mode="manual"),
        Sight(reached=True, ready=False, share=0.0, mode="automatic"),
        Sight(reached=True, ready=True, share=1.0, received=20, failed=9),
        Sight(reached=True, ready=True, mode="manual"),
    ]
)
worlds = st.tuples(*[sights] * len(SERVICES)).map(
    lambda drawn: dict(zip(SERVICES, drawn, strict=True))
)
WELL = Sight(reached=True, ready=True, share=1.0, mode="automatic")


def obeying(world: dict[str, Sight], orders: list[SetShare]) -> dict[str, Sight]:
    for order in orders:
        if world[order.target].reached:
            world[order.target] = replace(world[order.target], share=order.share)
    return world


def must_hold(plan: Plan, before: Recovery, after: Recovery) -> None:
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
@given(st.lists(worlds, min_size=1, max_size=40), st.booleans())
def test_no_stage_opens_early_and_every_relapse_closes_what_follows(
    history: list[dict[str, Sight]], obeyed: bool
) -> None:
    recovery = begin(PLAN)
    orders: list[SetShare] = []
    for number, world in enumerate(history):
        seen = obeying(dict(world), orders) if obeyed else world
        before = recovery
        recovery, changes, orders = advance(PLAN, recovery, seen, number * EVERY)
        must_hold(PLAN, before, recovery)
        for change in changes:
            assert change.gate
            if change.state == "relapsed":
                later = PLAN.later[change.stage]
                assert all(recovery.stages[name].state in SHUT for name in later)
        for order in orders:
            name = next(n for n, s in PLAN.stages.items() if s.target == order.target)
            assert order.share == recovery.stages[name].share(PLAN.stages[name])
            assert seen[order.target].share != order.share, "nothing is ordered twice"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(worlds, max_size=25))
def test_once_all_is_ready_all_stages_are_done_within_a_bound(
    history: list[dict[str, Sight]],
) -> None:
    recovery = begin(PLAN)
    orders: list[SetShare] = []
    now = 0.0
    world = dict.fromkeys(SERVICES, WELL)
    for seen in history:
        now += EVERY
        world = obeying(dict(seen), orders)
        recovery, _, orders = advance(PLAN, recovery, world, now)
    shares = {name: world[name].share for name in SERVICES}
    steady = {
        name: replace(WELL, share=0.0 if shares[name] is None else shares[name])
        for name in SERVICES
    }
    # The longest wait after a relapse, and for each stage in the longest line of the plan: closing
    # (2), being seen ready (2), giving up on what was refused before (3), and its steps (3).
    bound = 8 + 3 + 5 * 10
    for _ in range(bound):
        now += EVERY
        steady = obeying(steady, orders)
        recovery, _, orders = advance(PLAN, recovery, steady, now)
    assert {name: p.state for name, p in recovery.stages.items()} == dict.fromkeys(
        PLAN.stages, "done"
    )
    assert orders == []


pictures = st.builds(
    Picture,
    state=st.sampled_from(["disruption", "progress"]),
    working=st.sampled_from([(), ("border",), ("border", "visa")]),
    partial=st.just(()),
    stopped=st.just(()),
    unseen=st.just(()),
)
ALL_CLEAR = Picture("all-clear", ("border",), (), (), ())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.floats(0, 50000),
    st.lists(st.tuples(st.floats(1, 40000), pictures), min_size=1, max_size=12),
    st.sampled_from([60.0, 2400.0, 21600.0]),
)
def test_notices_are_never_further_apart_than_promised(
    quiet: float, story: list[tuple[float, Picture]], margin: float
) -> None:
    every = 21600.0
    board = Board(PLAN, every, margin)
    now, woken, shows, incident = 0.0, board.promise, ALL_CLEAR, Incident()
    ends = []
    for lasts, following in [(quiet, ALL_CLEAR), *story, (1.0, ALL_CLEAR)]:
        # As `Centre.inform`: it sleeps as long as the board says, and looks again.
        end = now + lasts
        while woken < end:
            now = woken
            board.update(shows, incident, now)
            woken = now + min(max(board.wait(now), 1.0), board.promise)
        now = end
        ends.append(end)
        shows = following
        incident = Incident(since=None if shows is ALL_CLEAR else now)
        board.update(shows, incident, now)
    notices = board.notices
    assert notices[-1].state == "all-clear"
    assert notices[-1].issued_at == ends[-1]
    assert [n.number for n in notices] == list(range(1, len(notices) + 1))
    assert all(set(n.texts) == {"id", "en"} for n in notices)
    for one, following_notice in pairwise(notices):
        assert one.next_due == one.issued_at + every
        assert following_notice.issued_at <= one.next_due
