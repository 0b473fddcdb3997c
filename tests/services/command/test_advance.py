"""`advance` as a pure function: literal observations in, exact changes and orders out."""

from dataclasses import replace

from services.command._advance import advance, initial_recovery, reset_relapses
from services.command._observation import UNREACHED, Observation, Observations
from services.command._plan import Plan, build_plan
from services.command._progress import Change, Recovery, SetShare
from services.command._stage import Stage

OPEN = Observation(reached=True, ready=True, share=1.0, mode="automatic")
CLOSED = Observation(reached=True, ready=True, share=0.0, mode="manual", reason="closed by command")
MANUAL = Observation(reached=True, ready=True, mode="manual", backlog=9)

PLAN = build_plan(
    {
        "border": Stage(
            target="border",
            opens="admission",
            ramp=(0.5, 1.0),
            witnesses=("counter",),
            surge=("counter",),
        ),
        "journal": Stage(target="counter", opens="nothing", after=("border",)),
        "north": Stage(
            target="north", opens="lanes", after=("border", "journal"), needs=("border",)
        ),
        "south": Stage(target="south", opens="lanes", after=("north",), needs=("border",)),
    }
)
HEALTHY = {
    "border": OPEN,
    "north": OPEN,
    "south": OPEN,
    "counter": Observation(reached=True, ready=True, mode="automatic"),
}


class Rounds:
    """Runs rounds 300 s apart, and keeps the results of the last one."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.plan = plan
        self.recovery: Recovery = initial_recovery(plan)
        self.now = 0.0
        self.changes: list[Change] = []
        self.orders: list[SetShare] = []

    def observe(
        self, observations: Observations, **others: Observation
    ) -> list[tuple[str, str, float]]:
        self.now += 300
        self.recovery, self.changes, self.orders = advance(
            self.plan, self.recovery, {**observations, **others}, self.now
        )
        assert all(change.gate for change in self.changes)
        return [(change.stage, change.state, change.share) for change in self.changes]

    def order_shares(self) -> list[tuple[str, float]]:
        return [(order.target, order.share) for order in self.orders]

    def states(self) -> list[str]:
        return [progress.state for progress in self.recovery.stages.values()]


def reason(rounds: Rounds, stage: str) -> str:
    return rounds.recovery.stages[stage].reason


def test_a_healthy_system_produces_no_changes_and_no_orders() -> None:
    rounds = Rounds()
    assert rounds.observe(HEALTHY) == []
    assert rounds.states() == ["done"] * 4
    assert rounds.order_shares() == []


def test_stages_stay_unknown_and_unchanged_until_their_target_is_reached() -> None:
    rounds = Rounds()
    for _ in range(5):
        assert rounds.observe({}) == []
        assert rounds.order_shares() == []
    assert rounds.states() == ["unknown"] * 4


def test_a_tenant_that_closed_itself_closes_the_stages_that_need_it() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    closed = Observation(reached=True, ready=False, share=0.0, reason="storage is away")
    assert rounds.observe(HEALTHY, border=closed) == [
        ("border", "closed", 0.0),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
        ("south", "closed", 0.0),
    ]
    # The last stage closes first. border is closed already and gets no order.
    assert rounds.order_shares() == [("south", 0.0), ("north", 0.0)]
    assert rounds.changes[0].reason == "border closed itself: storage is away"
    assert reason(rounds, "border") == "border is not ready: storage is away"


def test_a_stage_closes_only_after_two_unready_answers_in_a_row() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    unready = Observation(reached=True, ready=False, share=1.0, reason="slow")
    assert rounds.observe(HEALTHY, border=unready) == []
    assert rounds.observe(HEALTHY) == []
    assert rounds.observe(HEALTHY, border=unready) == []
    assert rounds.observe(HEALTHY, border=unready)[0] == ("border", "closed", 0.0)
    assert rounds.order_shares() == [("south", 0.0), ("north", 0.0), ("border", 0.0)]


def test_an_unreachable_target_alone_closes_nothing() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    for _ in range(20):
        assert rounds.observe(HEALTHY, border=UNREACHED) == []
        assert rounds.order_shares() == []
    assert rounds.observe(HEALTHY) == []
    assert rounds.states() == ["done"] * 4


def test_an_unreachable_target_is_lost_if_its_witnesses_are_in_manual_mode() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    outage = {"border": UNREACHED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(outage)
    assert ("border", "closed", 0.0) in rounds.observe(outage)
    assert rounds.states() == ["closed"] * 4


def test_a_target_that_comes_back_open_is_closed_first() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    outage = {"border": UNREACHED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(outage)
    rounds.observe(outage)
    back = {**outage, "border": OPEN}
    for _ in range(3):  # an order may be lost; nothing opens until it has taken effect
        assert rounds.observe(back) == []
        assert rounds.order_shares() == [("border", 0.0)]
        assert reason(rounds, "border").startswith("border must close")
    assert rounds.observe(back, border=CLOSED) == [("border", "ramping", 0.5)]
    assert rounds.order_shares() == [("border", 0.5)]


def test_all_stages_reopen_in_the_order_of_the_plan() -> None:
    rounds = after_loss()
    half = Observation(reached=True, ready=True, share=0.5)
    closed = {"border": CLOSED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    assert rounds.observe(closed) == []
    assert rounds.observe(closed) == [("border", "ramping", 0.5)]
    closed["border"] = half
    assert rounds.observe(closed) == [("border", "dwelling", 0.5), ("border", "ramping", 1.0)]
    closed["border"] = OPEN
    assert rounds.observe(closed) == [
        ("border", "dwelling", 1.0),
        ("border", "done", 1.0),
    ]
    assert reason(rounds, "journal") == "counter is still in manual mode"
    mixed = Observation(reached=True, ready=True, mode="mixed", backlog=9)
    assert rounds.observe(closed, counter=mixed) == [("journal", "ramping", 1.0)]
    assert rounds.observe(closed, counter=mixed) == [("journal", "dwelling", 1.0)]
    assert reason(rounds, "journal") == "the journal of counter is not shrinking (9 records)"
    closed["counter"] = Observation(reached=True, ready=True, mode="mixed", backlog=4)
    assert rounds.observe(closed) == [("journal", "done", 1.0), ("north", "ramping", 1.0)]
    closed["north"] = OPEN
    assert rounds.observe(closed) == [
        ("north", "dwelling", 1.0),
        ("north", "done", 1.0),
        ("south", "ramping", 1.0),
    ]
    closed["south"] = OPEN
    assert rounds.observe(closed) == [("south", "dwelling", 1.0), ("south", "done", 1.0)]
    assert rounds.order_shares() == []


def after_loss(plan: Plan = PLAN) -> Rounds:
    rounds = Rounds(plan)
    rounds.observe(HEALTHY)
    outage = {"border": UNREACHED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(outage)
    rounds.observe(outage)
    return rounds


def test_each_step_lasts_at_least_its_dwell() -> None:
    slow = build_plan(
        {"border": Stage(target="border", opens="admission", ramp=(0.5, 1.0), dwell=1000)}
    )
    rounds = Rounds(slow)
    half = Observation(reached=True, ready=True, share=0.5)
    while ("border", "ramping", 0.5) not in rounds.observe({"border": CLOSED}):
        pass
    assert rounds.observe({"border": half}) == [("border", "dwelling", 0.5)]
    assert reason(rounds, "border") == "watched for 1000 s at share 0.5"
    assert rounds.observe({"border": half}) == []
    assert rounds.observe({"border": half}) == []
    assert rounds.observe({"border": half}) == [("border", "ramping", 1.0)]


def test_each_relapse_doubles_the_wait_up_to_a_limit() -> None:
    rounds = after_loss()
    closed = {"border": CLOSED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    half = Observation(reached=True, ready=True, share=0.5)
    waits = []
    for _ in range(5):
        while rounds.observe(closed) == []:
            pass
        assert rounds.observe(closed, border=half)[0] == ("border", "dwelling", 0.5)
        changes = rounds.observe(closed)  # it closed itself again
        assert changes == [("border", "relapsed", 0.0)]
        waits.append(rounds.recovery.stages["border"].not_before - rounds.now)
    assert waits == [300, 600, 1200, 2400, 2400]
    rounds.recovery = reset_relapses(rounds.recovery)
    assert rounds.recovery.stages["border"].relapses == 0


def test_a_done_stage_lost_during_recovery_relapses_and_closes_all_later_stages() -> None:
    rounds = after_loss()
    closed = {"border": CLOSED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(closed)
    rounds.observe(closed)
    rounds.observe(closed, border=Observation(reached=True, ready=True, share=0.5))
    closed["counter"] = Observation(reached=True, ready=True, mode="automatic")
    rounds.observe(closed, border=OPEN)
    assert rounds.observe(closed, border=OPEN)[-1] == ("north", "ramping", 1.0)
    assert rounds.observe(closed) == [
        ("border", "relapsed", 0.0),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
    ]


def test_a_stage_that_is_only_ordered_after_a_lost_one_stays_open() -> None:
    rounds = Rounds()
    rounds.observe(HEALTHY)
    assert rounds.observe(HEALTHY, north=CLOSED) == [("north", "closed", 0.0)]
    assert rounds.recovery.stages["south"].state == "done"
    assert rounds.order_shares() == []


def test_too_many_errors_close_an_opening_stage() -> None:
    rounds = after_loss()
    counted = replace(CLOSED, received=83, failed=15)
    closed = {"border": counted, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(closed)
    rounds.observe(closed)
    failing = Observation(reached=True, ready=True, share=0.5, received=93, failed=17)
    assert rounds.observe(closed, border=failing) == [("border", "dwelling", 0.5)]
    assert reason(rounds, "border") == "border failed 2 of 10 requests"
    # Two rounds with errors while dwelling are a finding.
    rounds.observe(closed, border=failing)
    assert rounds.observe(closed, border=failing) == [("border", "relapsed", 0.0)]


def test_errors_from_before_a_step_do_not_count_against_it() -> None:
    rounds = after_loss()
    closed = {"border": CLOSED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(closed)
    rounds.observe(closed)
    # Its counts were unknown before it opened, so all failures up to now are from before.
    healthy = Observation(reached=True, ready=True, share=0.5, received=93, failed=17)
    assert rounds.observe(closed, border=healthy) == [
        ("border", "dwelling", 0.5),
        ("border", "ramping", 1.0),
    ]


def test_request_counts_start_again_when_a_target_restarts() -> None:
    rounds = after_loss()
    counted = replace(CLOSED, received=83, failed=15)
    closed = {"border": counted, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(closed)
    rounds.observe(closed)
    restarted = Observation(reached=True, ready=True, share=0.5, received=4, failed=1)
    assert rounds.observe(closed, border=restarted) == [
        ("border", "dwelling", 0.5),
        ("border", "ramping", 1.0),
    ]
    rounds.observe(closed, border=replace(restarted, share=1.0, received=14, failed=3))
    assert reason(rounds, "border") == "border failed 2 of 10 requests"


def test_a_target_that_does_not_apply_its_share_is_lost() -> None:
    rounds = after_loss()
    closed = {"border": CLOSED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    rounds.observe(closed)
    rounds.observe(closed)
    for _ in range(3):
        assert rounds.observe(closed) == []
        assert rounds.order_shares() == [("border", 0.5)]
    assert rounds.observe(closed) == [("border", "relapsed", 0.0)]
    assert "does not apply its share" in rounds.changes[0].reason


def test_a_growing_watched_backlog_delays_the_last_step() -> None:
    plan = build_plan(
        {"visa": Stage(target="visa", opens="admission", ramp=(0.5, 1.0), watch=("office",))}
    )
    rounds = Rounds(plan)

    def office(backlog: int) -> Observation:
        return Observation(reached=True, ready=True, mode="mixed", backlog=backlog)

    while ("visa", "ramping", 0.5) not in rounds.observe({"visa": CLOSED, "office": office(2)}):
        pass
    half = Observation(reached=True, ready=True, share=0.5)
    assert ("visa", "ramping", 1.0) in rounds.observe({"visa": half, "office": office(5)})
    assert rounds.observe({"visa": OPEN, "office": office(6)}) == [("visa", "dwelling", 1.0)]
    assert reason(rounds, "visa") == "the backlog of office is growing (5 to 6 records)"
    assert rounds.observe({"visa": OPEN, "office": office(6)}) == [("visa", "done", 1.0)]


def test_a_waiting_stage_logs_its_reason_again_after_the_patience() -> None:
    rounds = after_loss()
    outage = {"border": UNREACHED, "north": CLOSED, "south": CLOSED, "counter": MANUAL}
    reasons = []
    for _ in range(80):
        rounds.observe(outage)
        reasons += [c.reason for c in rounds.changes if c.stage == "border"]
    assert reasons == ["still waiting: border is unreachable"]


def test_a_restarted_command_centre_continues_from_the_state_of_its_targets() -> None:
    rounds = Rounds()
    half = Observation(reached=True, ready=True, share=0.5)
    found = {"border": half, "north": CLOSED, "south": OPEN, "counter": MANUAL}
    assert rounds.observe(found) == [
        ("border", "dwelling", 0.5),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
        ("south", "closed", 0.0),
    ]
    assert rounds.order_shares() == [("south", 0.0)]
    assert rounds.observe(found, south=CLOSED) == [("border", "ramping", 1.0)]


def test_a_share_that_was_opened_without_an_order_is_closed_again() -> None:
    rounds = after_loss()
    back = {"border": CLOSED, "north": OPEN, "south": CLOSED, "counter": MANUAL}
    rounds.observe(back)
    assert rounds.order_shares() == [("north", 0.0)]
