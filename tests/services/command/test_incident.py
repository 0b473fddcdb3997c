"""When an incident begins, which counters open all desks, and when it is over."""

import pytest

from services.command._advance import advance, initial_recovery
from services.command._incident import Incident, update_incident
from services.command._observation import UNREACHED, Observation
from services.command._plan import build_plan
from services.command._progress import SetSurge
from services.command._stage import Stage

PLAN = build_plan(
    {
        "border": Stage(
            target="border", opens="admission", witnesses=("counter",), surge=("counter",)
        ),
        "journal": Stage(target="counter", opens="nothing", after=("border",), surge=("counter",)),
    }
)
OPEN = Observation(reached=True, ready=True, share=1.0)


def counter(mode: str = "automatic", backlog: int = 0, *, surge: bool = False) -> Observation:
    return Observation(reached=True, ready=True, mode=mode, backlog=backlog, surge=surge)


class Rounds:
    """Runs rounds 300 s apart, and keeps the state after the last one."""

    def __init__(self) -> None:
        self.recovery = initial_recovery(PLAN)
        self.incident = Incident()
        self.now = 0.0
        self.ended = False

    def observe(self, border: Observation, desk: Observation) -> list[SetSurge]:
        self.now += 300
        observations = {"border": border, "counter": desk}
        self.recovery, _, _ = advance(PLAN, self.recovery, observations, self.now)
        self.incident, orders, self.ended = update_incident(
            PLAN, self.incident, self.recovery, observations, self.now
        )
        return orders


def test_a_healthy_system_has_no_incident() -> None:
    rounds = Rounds()
    for _ in range(3):
        assert rounds.observe(OPEN, counter()) == []
        assert rounds.incident.since is None


@pytest.mark.parametrize(
    ("border", "cause"),
    [
        (UNREACHED, "border: border has not been reached since the start"),
        (
            Observation(reached=True, reason="starting"),
            "border: border has not come up since the start",
        ),
    ],
)
def test_services_that_are_still_starting_are_no_incident_for_twenty_rounds(
    border: Observation, cause: str
) -> None:
    rounds = Rounds()
    for _ in range(20):
        rounds.observe(border, UNREACHED)
        assert rounds.incident.since is None
    rounds.observe(border, UNREACHED)
    assert rounds.incident.cause == cause
    assert not rounds.incident.continued


def test_two_failed_probes_in_a_row_are_an_incident_and_open_all_desks() -> None:
    rounds = Rounds()
    rounds.observe(OPEN, counter())
    assert rounds.observe(UNREACHED, counter()) == []
    began = rounds.incident.since
    assert began is None
    assert rounds.observe(UNREACHED, counter()) == [SetSurge("counter", open=True)]
    assert rounds.incident.since == 900
    assert rounds.incident.cause == "border: no contact with border"
    # The order is sent once, and again only if the counter reports otherwise.
    assert rounds.observe(UNREACHED, counter(surge=True)) == []
    assert rounds.observe(UNREACHED, counter()) == [SetSurge("counter", open=True)]


def test_an_incident_ends_when_no_edge_is_in_fallback_and_every_journal_is_replayed() -> None:
    rounds = Rounds()
    rounds.observe(OPEN, counter())
    rounds.observe(OPEN, counter("manual"))
    assert rounds.observe(OPEN, counter("manual")) == [SetSurge("counter", open=True)]
    for desk in (
        counter("manual", 5, surge=True),
        counter("mixed", 3, surge=True),
        counter("mixed", 2, surge=True),
        counter("mixed", 1, surge=True),
        counter("automatic", 1, surge=True),
        UNREACHED,  # it had one record left when it was last reached
    ):
        assert rounds.observe(OPEN, desk) == []
        assert rounds.incident.since == 900
    assert rounds.recovery.stages["journal"].state == "done"
    assert rounds.observe(OPEN, counter(surge=True)) == [SetSurge("counter", open=False)]
    assert rounds.ended
    assert rounds.incident.since is None
    # The order was lost, and is sent again until it takes effect.
    assert rounds.observe(OPEN, counter(surge=True)) == [SetSurge("counter", open=False)]
    assert rounds.observe(OPEN, counter()) == []
    # From then on the command centre leaves the desks alone.
    assert rounds.observe(OPEN, counter(surge=True)) == []


def test_an_incident_found_in_the_first_round_is_continued() -> None:
    for border, desk in (
        (Observation(reached=True, ready=True, share=0.0), counter()),
        (OPEN, counter("mixed", 4)),
        (OPEN, counter(surge=True)),
    ):
        rounds = Rounds()
        rounds.observe(border, desk)
        assert rounds.incident.continued
        assert rounds.incident.since == 300


def test_open_desks_distinguish_a_restart_during_an_outage_from_a_system_start() -> None:
    rounds = Rounds()
    rounds.observe(UNREACHED, counter("manual", surge=True))
    assert rounds.incident.continued
    assert rounds.incident.cause == "counter has all desks open"
    rounds = Rounds()
    for border in [UNREACHED] * 4 + [OPEN] * 4:
        rounds.observe(border, counter("manual"))
        assert rounds.incident.since is None
    for _ in range(3):
        rounds.observe(OPEN, counter())
        assert rounds.incident.since is None
    rounds = Rounds()
    for _ in range(8):
        rounds.observe(OPEN, counter("manual"))
    assert rounds.incident.cause == "journal: found closed: no reason given"
