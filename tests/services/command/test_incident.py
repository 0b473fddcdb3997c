"""When it is an incident, who opens all desks, and when it is over."""

import pytest

from services.command._advance import advance, begin
from services.command._incident import Incident, follow
from services.command._plan import build_plan
from services.command._progress import SetSurge
from services.command._sight import UNSEEN, Sight
from services.command._stage import Stage

PLAN = build_plan(
    {
        "border": Stage(
            target="border", opens="admission", witnesses=("counter",), surge=("counter",)
        ),
        "journal": Stage(target="counter", opens="nothing", after=("border",), surge=("counter",)),
    }
)
OPEN = Sight(reached=True, ready=True, share=1.0)


def counter(mode: str = "automatic", backlog: int = 0, *, surge: bool = False) -> Sight:
    return Sight(reached=True, ready=True, mode=mode, backlog=backlog, surge=surge)


class Story:
    def __init__(self) -> None:
        self.recovery = begin(PLAN)
        self.incident = Incident()
        self.now = 0.0
        self.ended = False

    def see(self, border: Sight, desk: Sight) -> list[SetSurge]:
        self.now += 300
        seen = {"border": border, "counter": desk}
        self.recovery, _, _ = advance(PLAN, self.recovery, seen, self.now)
        self.incident, actions, self.ended = follow(
            PLAN, self.incident, self.recovery, seen, self.now
        )
        return actions


def test_a_normal_system_is_no_incident() -> None:
    story = Story()
    for _ in range(3):
        assert story.see(OPEN, counter()) == []
        assert story.incident.since is None


@pytest.mark.parametrize(
    ("border", "cause"),
    [
        (UNSEEN, "border: border was not seen since the start"),
        (Sight(reached=True, reason="starting"), "border: border has not come up since the start"),
    ],
)
def test_services_that_are_still_starting_are_no_incident_for_a_while(
    border: Sight, cause: str
) -> None:
    story = Story()
    for _ in range(20):
        story.see(border, UNSEEN)
        assert story.incident.since is None
    story.see(border, UNSEEN)
    assert story.incident.cause == cause
    assert not story.incident.continued


def test_two_missed_probes_are_an_incident_and_open_all_desks() -> None:
    story = Story()
    story.see(OPEN, counter())
    assert story.see(UNSEEN, counter()) == []
    began = story.incident.since
    assert began is None
    assert story.see(UNSEEN, counter()) == [SetSurge("counter", open=True)]
    assert story.incident.since == 900
    assert story.incident.cause == "border: no contact with border"
    # Told once; again only if the counter says otherwise.
    assert story.see(UNSEEN, counter(surge=True)) == []
    assert story.see(UNSEEN, counter()) == [SetSurge("counter", open=True)]


def test_it_is_over_when_nobody_works_by_hand_and_every_journal_is_entered() -> None:
    story = Story()
    story.see(OPEN, counter())
    story.see(OPEN, counter("manual"))
    assert story.see(OPEN, counter("manual")) == [SetSurge("counter", open=True)]
    for desk in (
        counter("manual", 5, surge=True),
        counter("mixed", 3, surge=True),
        counter("mixed", 2, surge=True),
        counter("mixed", 1, surge=True),
        counter("automatic", 1, surge=True),
        UNSEEN,  # it had one record left when it was last seen
    ):
        assert story.see(OPEN, desk) == []
        assert story.incident.since == 900
    assert story.recovery.stages["journal"].state == "done"
    assert story.see(OPEN, counter(surge=True)) == [SetSurge("counter", open=False)]
    assert story.ended
    assert story.incident.since is None
    # The order got lost, and is given again until it is obeyed.
    assert story.see(OPEN, counter(surge=True)) == [SetSurge("counter", open=False)]
    assert story.see(OPEN, counter()) == []
    # From then on the desks are the counter's own affair.
    assert story.see(OPEN, counter(surge=True)) == []


def test_an_incident_that_is_found_at_the_start_is_continued() -> None:
    for border, desk in (
        (Sight(reached=True, ready=True, share=0.0), counter()),
        (OPEN, counter("mixed", 4)),
        (OPEN, counter(surge=True)),
    ):
        story = Story()
        story.see(border, desk)
        assert story.incident.continued
        assert story.incident.since == 300


def test_open_desks_tell_a_restart_in_an_outage_from_the_start_of_the_whole_system() -> None:
    story = Story()
    story.see(UNSEEN, counter("manual", surge=True))
    assert story.incident.continued
    assert story.incident.cause == "counter has all desks open"
    story = Story()
    for seen in [UNSEEN] * 4 + [OPEN] * 4:
        story.see(seen, counter("manual"))
        assert story.incident.since is None
    for _ in range(3):
        story.see(OPEN, counter())
        assert story.incident.since is None
    story = Story()
    for _ in range(8):
        story.see(OPEN, counter("manual"))
    assert story.incident.cause == "journal: was found closed: no reason given"
