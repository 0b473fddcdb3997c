"""The pure plan: literal rounds in, exact changes and orders out."""

from dataclasses import replace

from services.command._advance import advance, begin, settle
from services.command._plan import Plan, build_plan
from services.command._progress import Change, Recovery, SetShare
from services.command._sight import UNSEEN, Observation, Sight
from services.command._stage import Stage

OPEN = Sight(reached=True, ready=True, share=1.0, mode="automatic")
SHUT = Sight(reached=True, ready=True, share=0.0, mode="manual", reason="closed by command")
MANUAL = Sight(reached=True, ready=True, mode="manual", backlog=9)

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
WELL = {
    "border": OPEN,
    "north": OPEN,
    "south": OPEN,
    "counter": Sight(reached=True, ready=True, mode="automatic"),
}


class Story:
    """Takes rounds, 300 s apart, and keeps what came of the last."""

    def __init__(self, plan: Plan = PLAN) -> None:
        self.plan = plan
        self.recovery: Recovery = begin(plan)
        self.now = 0.0
        self.changes: list[Change] = []
        self.orders: list[SetShare] = []

    def see(self, observation: Observation, **others: Sight) -> list[tuple[str, str, float]]:
        self.now += 300
        self.recovery, self.changes, self.orders = advance(
            self.plan, self.recovery, {**observation, **others}, self.now
        )
        assert all(change.gate for change in self.changes)
        return [(change.stage, change.state, change.share) for change in self.changes]

    def ordered(self) -> list[tuple[str, float]]:
        return [(order.target, order.share) for order in self.orders]

    def states(self) -> list[str]:
        return [progress.state for progress in self.recovery.stages.values()]


def reason(story: Story, stage: str) -> str:
    return story.recovery.stages[stage].reason


def test_a_normal_system_is_taken_over_without_a_word() -> None:
    story = Story()
    assert story.see(WELL) == []
    assert story.states() == ["done"] * 4
    assert story.ordered() == []


def test_nothing_is_known_and_nothing_touched_before_a_target_is_seen() -> None:
    story = Story()
    for _ in range(5):
        assert story.see({}) == []
        assert story.ordered() == []
    assert story.states() == ["unknown"] * 4


def test_a_tenant_that_closed_itself_takes_those_that_need_it_along() -> None:
    story = Story()
    story.see(WELL)
    closed = Sight(reached=True, ready=False, share=0.0, reason="storage is away")
    assert story.see(WELL, border=closed) == [
        ("border", "closed", 0.0),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
        ("south", "closed", 0.0),
    ]
    # The end of the line first; border is closed already and is told nothing.
    assert story.ordered() == [("south", 0.0), ("north", 0.0)]
    assert story.changes[0].reason == "border closed itself: storage is away"
    assert reason(story, "border") == "border is not ready: storage is away"


def test_one_answer_without_storage_is_chance_and_two_are_a_finding() -> None:
    story = Story()
    story.see(WELL)
    unready = Sight(reached=True, ready=False, share=1.0, reason="slow")
    assert story.see(WELL, border=unready) == []
    assert story.see(WELL) == []
    assert story.see(WELL, border=unready) == []
    assert story.see(WELL, border=unready)[0] == ("border", "closed", 0.0)
    assert story.ordered() == [("south", 0.0), ("north", 0.0), ("border", 0.0)]


def test_a_blind_command_centre_takes_nothing_down() -> None:
    story = Story()
    story.see(WELL)
    for _ in range(20):
        assert story.see(WELL, border=UNSEEN) == []
        assert story.ordered() == []
    assert story.see(WELL) == []
    assert story.states() == ["done"] * 4


def test_a_target_out_of_sight_is_lost_when_its_users_work_by_hand() -> None:
    story = Story()
    story.see(WELL)
    gone = {"border": UNSEEN, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(gone)
    assert ("border", "closed", 0.0) in story.see(gone)
    assert story.states() == ["closed"] * 4


def test_targets_that_come_back_open_are_closed_before_anything_else() -> None:
    story = Story()
    story.see(WELL)
    gone = {"border": UNSEEN, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(gone)
    story.see(gone)
    back = {**gone, "border": OPEN}
    for _ in range(3):  # the order may get lost; until it is obeyed, nothing opens
        assert story.see(back) == []
        assert story.ordered() == [("border", 0.0)]
        assert reason(story, "border").startswith("border has yet to close")
    assert story.see(back, border=SHUT) == [("border", "ramping", 0.5)]
    assert story.ordered() == [("border", 0.5)]


def test_the_whole_way_back() -> None:
    story = lost()
    half = Sight(reached=True, ready=True, share=0.5)
    shut = {"border": SHUT, "north": SHUT, "south": SHUT, "counter": MANUAL}
    assert story.see(shut) == []
    assert story.see(shut) == [("border", "ramping", 0.5)]
    shut["border"] = half
    assert story.see(shut) == [("border", "dwelling", 0.5), ("border", "ramping", 1.0)]
    shut["border"] = OPEN
    assert story.see(shut) == [
        ("border", "dwelling", 1.0),
        ("border", "done", 1.0),
    ]
    assert reason(story, "journal") == "counter still works by hand"
    mixed = Sight(reached=True, ready=True, mode="mixed", backlog=9)
    assert story.see(shut, counter=mixed) == [("journal", "ramping", 1.0)]
    assert story.see(shut, counter=mixed) == [("journal", "dwelling", 1.0)]
    assert reason(story, "journal") == "the journal of counter is not being entered (9 records)"
    shut["counter"] = Sight(reached=True, ready=True, mode="mixed", backlog=4)
    assert story.see(shut) == [("journal", "done", 1.0), ("north", "ramping", 1.0)]
    shut["north"] = OPEN
    assert story.see(shut) == [
        ("north", "dwelling", 1.0),
        ("north", "done", 1.0),
        ("south", "ramping", 1.0),
    ]
    shut["south"] = OPEN
    assert story.see(shut) == [("south", "dwelling", 1.0), ("south", "done", 1.0)]
    assert story.ordered() == []


def lost(plan: Plan = PLAN) -> Story:
    story = Story(plan)
    story.see(WELL)
    gone = {"border": UNSEEN, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(gone)
    story.see(gone)
    return story


def test_a_step_is_watched_for_its_dwell() -> None:
    slow = build_plan(
        {"border": Stage(target="border", opens="admission", ramp=(0.5, 1.0), dwell=1000)}
    )
    story = Story(slow)
    half = Sight(reached=True, ready=True, share=0.5)
    while ("border", "ramping", 0.5) not in story.see({"border": SHUT}):
        pass
    assert story.see({"border": half}) == [("border", "dwelling", 0.5)]
    assert reason(story, "border") == "is watched for 1000 s at share 0.5"
    assert story.see({"border": half}) == []
    assert story.see({"border": half}) == []
    assert story.see({"border": half}) == [("border", "ramping", 1.0)]


def test_a_relapse_closes_everything_after_it_and_waits_longer_each_time() -> None:
    story = lost()
    shut = {"border": SHUT, "north": SHUT, "south": SHUT, "counter": MANUAL}
    half = Sight(reached=True, ready=True, share=0.5)
    waits = []
    for _ in range(5):
        while story.see(shut) == []:
            pass
        assert story.see(shut, border=half)[0] == ("border", "dwelling", 0.5)
        gone = story.see(shut)  # it closed itself again
        assert gone == [("border", "relapsed", 0.0)]
        waits.append(story.recovery.stages["border"].not_before - story.now)
    assert waits == [300, 600, 1200, 2400, 2400]
    story.recovery = settle(story.recovery)
    assert story.recovery.stages["border"].relapses == 0


def test_a_done_stage_that_falls_back_during_the_recovery_relapses_with_all_after_it() -> None:
    story = lost()
    shut = {"border": SHUT, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(shut)
    story.see(shut)
    story.see(shut, border=Sight(reached=True, ready=True, share=0.5))
    shut["counter"] = Sight(reached=True, ready=True, mode="automatic")
    story.see(shut, border=OPEN)
    assert story.see(shut, border=OPEN)[-1] == ("north", "ramping", 1.0)
    assert story.see(shut) == [
        ("border", "relapsed", 0.0),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
    ]


def test_order_alone_takes_nothing_down() -> None:
    story = Story()
    story.see(WELL)
    assert story.see(WELL, north=SHUT) == [("north", "closed", 0.0)]
    assert story.recovery.stages["south"].state == "done"
    assert story.ordered() == []


def test_errors_bring_a_step_down() -> None:
    story = lost()
    counted = replace(SHUT, received=83, failed=15)
    shut = {"border": counted, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(shut)
    story.see(shut)
    failing = Sight(reached=True, ready=True, share=0.5, received=93, failed=17)
    assert story.see(shut, border=failing) == [("border", "dwelling", 0.5)]
    assert reason(story, "border") == "border failed 2 of 10 requests"
    # Two rounds of it since it dwells are a finding.
    story.see(shut, border=failing)
    assert story.see(shut, border=failing) == [("border", "relapsed", 0.0)]


def test_errors_of_the_outage_are_not_held_against_the_step_after_it() -> None:
    story = lost()
    shut = {"border": SHUT, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(shut)
    story.see(shut)
    # Its counts were not seen before it was opened: what it failed until now, it failed then.
    well = Sight(reached=True, ready=True, share=0.5, received=93, failed=17)
    assert story.see(shut, border=well) == [("border", "dwelling", 0.5), ("border", "ramping", 1.0)]


def test_a_target_that_started_anew_is_counted_anew() -> None:
    story = lost()
    counted = replace(SHUT, received=83, failed=15)
    shut = {"border": counted, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(shut)
    story.see(shut)
    anew = Sight(reached=True, ready=True, share=0.5, received=4, failed=1)
    assert story.see(shut, border=anew) == [("border", "dwelling", 0.5), ("border", "ramping", 1.0)]
    story.see(shut, border=replace(anew, share=1.0, received=14, failed=3))
    assert reason(story, "border") == "border failed 2 of 10 requests"


def test_a_target_that_does_not_take_on_its_share_is_given_up() -> None:
    story = lost()
    shut = {"border": SHUT, "north": SHUT, "south": SHUT, "counter": MANUAL}
    story.see(shut)
    story.see(shut)
    for _ in range(3):
        assert story.see(shut) == []
        assert story.ordered() == [("border", 0.5)]
    assert story.see(shut) == [("border", "relapsed", 0.0)]
    assert "does not take on its share" in story.changes[0].reason


def test_a_watched_backlog_that_grows_holds_the_last_step() -> None:
    plan = build_plan(
        {"visa": Stage(target="visa", opens="admission", ramp=(0.5, 1.0), watch=("office",))}
    )
    story = Story(plan)

    def office(backlog: int) -> Sight:
        return Sight(reached=True, ready=True, mode="mixed", backlog=backlog)

    while ("visa", "ramping", 0.5) not in story.see({"visa": SHUT, "office": office(2)}):
        pass
    half = Sight(reached=True, ready=True, share=0.5)
    assert ("visa", "ramping", 1.0) in story.see({"visa": half, "office": office(5)})
    assert story.see({"visa": OPEN, "office": office(6)}) == [("visa", "dwelling", 1.0)]
    assert reason(story, "visa") == "the backlog of office grows (5 to 6 records)"
    assert story.see({"visa": OPEN, "office": office(6)}) == [("visa", "done", 1.0)]


def test_a_stage_that_waits_says_so_again_when_its_patience_is_over() -> None:
    story = lost()
    gone = {"border": UNSEEN, "north": SHUT, "south": SHUT, "counter": MANUAL}
    said = []
    for _ in range(80):
        story.see(gone)
        said += [c.reason for c in story.changes if c.stage == "border"]
    assert said == ["still waits: border is out of reach"]


def test_a_restarted_command_centre_goes_on_from_what_it_finds() -> None:
    story = Story()
    half = Sight(reached=True, ready=True, share=0.5)
    found = {"border": half, "north": SHUT, "south": OPEN, "counter": MANUAL}
    assert story.see(found) == [
        ("border", "dwelling", 0.5),
        ("journal", "closed", 0.0),
        ("north", "closed", 0.0),
        ("south", "closed", 0.0),
    ]
    assert story.ordered() == [("south", 0.0)]
    assert story.see(found, south=SHUT) == [("border", "ramping", 1.0)]


def test_an_opened_share_that_nobody_ordered_is_taken_back() -> None:
    story = lost()
    back = {"border": SHUT, "north": OPEN, "south": SHUT, "counter": MANUAL}
    story.see(back)
    assert story.ordered() == [("north", 0.0)]
