"""Each planted bug fails its check, on a real stack, and the system without one passes.

A row plants one bug, or several in different services whose symptoms do not hide each other. Each
must be found by the check that is there for it, and for its own reason. `may` lists the checks that
may fail as well, because the bug truly breaks what they ask for too; nothing else may.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import environ
from pathlib import Path

import pytest

from harness.errors import ExitCode
from harness.run import Outcome, Prepared, bind, execute
from harness.scenario import Override, load_scenario
from harness.stack import Backend, get_backend, read_stack

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class Row:
    """Bugs that are planted together, and what must come of it."""

    name: str
    bugs: Mapping[str, str]
    """By service, the factory in `planted`."""
    found: Mapping[str, tuple[str, ...]]
    """By expectation, what its reason says."""
    may: frozenset[str] = field(default_factory=frozenset)
    scenario: str = "outage"
    code: ExitCode = ExitCode.FAIL
    settle: float | None = None
    """Seconds of life; shorter where the system is known never to come to rest."""


COUNTERS = ("counter-cgk", "counter-dps", "counter-sub")
GATES = ("autogate-cgk", "autogate-dps")
NEVER_NORMAL = frozenset({"leaves_fallback", "backlog_drains", "quiesced", "notices"})
"""What else fails if some service never gets out of its fallback."""


ROWS = (
    Row(
        "a batch is entered twice, and records are not written down",
        {"border": "border:batch_twice", "counter-sub": "counter:unwritten"},
        {"exactly_once": ("lost", "invented")},
    ),
    Row(
        "a journal does not outlive its process",
        {"counter-cgk": "counter:forgetful"},
        {"exactly_once": ("lost",)},
        scenario="restart",
    ),
    Row(
        "gates open when they are blind",
        dict.fromkeys(GATES, "autogate:opens_blind"),
        {"gates_fail_closed": ("admitted by an autogate",)},
        may=frozenset({"exactly_once"}),
    ),
    Row(
        "a probe keeps its slot in the breaker",
        {"counter-sub": "counter:stuck_breaker"},
        {"leaves_fallback": ("counter-sub was still manual",)},
        may=NEVER_NORMAL,
        settle=2400,
    ),
    Row(
        "stages open in any order",
        {"command": "command:wrong_order"},
        {"stages_in_order": ("before border was done",)},
        # A gate that opens before border is back turns travellers away until it is.
        may=frozenset({"errors_subside"}),
    ),
    Row(
        "stages open although their gate does not hold",
        {"command": "command:no_gate"},
        {"stages_in_order": ("before the heal",)},
        # A stage that opens in the round in which it was lost leaves no disruption to announce.
        may=frozenset({"notices"}),
    ),
    Row(
        "the watchlist is not looked at, or is long out of date",
        {"counter-cgk": "counter:ignores_list", "counter-dps": "counter:stale_list"},
        {"nobody_barred_admitted": ("admitted by hand", "older than 45 min")},
    ),
    Row(
        "the public is told once, an office and a belt lose things",
        {
            "command": "command:silent",
            "office": "public:loses_applications",
            "baggage-cgk": "public:loses_a_bag",
            "baggage-dps": "public:wrong_bag",
        },
        {
            "notices": ("no notice was published for",),
            "applications_exactly_once": ("lost",),
            "bags_match": ("lost", "with the wrong passenger"),
        },
    ),
    Row(
        "the public is told in English only, a counter pretends, a service is never done",
        {
            "command": "command:english",
            "counter-cgk": "counter:claims_central",
            "visa": "public:restless",
        },
        {
            "notices": ("has no text in 'id'",),
            "honest_answers": ("while the center was cut off",),
            "quiesced": ("visa is not quiescent",),
        },
        settle=600,
    ),
    Row(
        "clients ask again at once",
        dict.fromkeys(COUNTERS, "counter:stormy"),
        {"no_storm": ("requests per user request reached the tenants",)},
    ),
    Row(
        "a replayer goes home after the first batch",
        {"counter-cgk": "counter:stops_entering"},
        {"backlog_drains": ("counter-cgk",)},
        may=NEVER_NORMAL,
        settle=2400,
    ),
    Row(
        "a replayer puts back what is entered",
        {"counter-cgk": "counter:adds_again"},
        {"backlog_drains": ("counter-cgk's backlog grew",)},
        # A backlog that does not end holds the plan at border, and the gates come after border.
        may=NEVER_NORMAL | {"errors_subside"},
    ),
    Row(
        "counters cannot work by hand",
        dict.fromkeys(COUNTERS, "counter:never_by_hand"),
        {"fallback": ("never went manual",)},
        # While no counter says that it works by hand, the plan believes no tenant to be lost.
        may=frozenset({"errors_subside", "stages_in_order"}),
    ),
    Row(
        "one airport's outage closes another's gates",
        {"command": "command:spreading"},
        {"stays_automatic": ("autogate-dps went manual",)},
        scenario="airport",
    ),
    Row(
        "gates say that they are open and are not",
        dict.fromkeys(GATES, "autogate:stays_shut"),
        {"errors_subside": ("of requests still failed",)},
        may=frozenset({"stages_in_order"}),
    ),
    Row(
        "a service dies",
        {"baggage-sub": "public:crashing"},
        {"nothing_crashed": ("baggage-sub",)},
        may=NEVER_NORMAL | {"faults_bite", "gates_fail_closed", "stages_in_order"},
        code=ExitCode.BROKEN,
    ),
    Row(
        "the system is not well before the fault",
        {"office": "public:unwell"},
        {"steady_state": ("no baseline",)},
        code=ExitCode.INCONCLUSIVE,
    ),
    Row(
        "a fault does not bite",
        {},
        {"faults_bite": ("not verified",)},
        scenario="harmless",
        code=ExitCode.INCONCLUSIVE,
    ),
)

_RESULT = {ExitCode.INCONCLUSIVE: "inconclusive"}


def run(
    scenario: str,
    bugs: Mapping[str, str],
    settle: float | None,
    out: Path,
    *,
    backend: Backend | None = None,
    pace: float | None = None,
    stretch: float = 1.0,
) -> Outcome:
    """The outcome of one of the scenarios beside this file, with `bugs` planted.

    People arrive for `stretch` times as long as it says.
    """
    path = HERE / "scenarios" / f"{scenario}.scenario.yaml"
    spec = read_stack(ROOT, environ)
    plain = load_scenario(path)
    overrides = dict(plain.overrides)
    for service, bug in bugs.items():
        as_it_is = overrides.get(service, Override())
        app = f"tests.mutants.planted.{bug}"
        overrides[service] = as_it_is.model_copy(update={"app": app})
    load = plain.load.model_copy(update={"duration": plain.load.duration * stretch})
    given = {"settle": settle, "pace": pace, "load": load}
    changes = {"overrides": overrides, **{k: v for k, v in given.items() if v is not None}}
    changed = plain.model_copy(update=changes)
    prepared = Prepared(changed, spec, bind(changed, spec, str(path)), str(path))
    return execute(prepared, backend=backend or get_backend(), base=out.parent, out=out)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_planted_bug_is_found(row: Row, tmp_path: Path) -> None:
    examine(row, run(row.scenario, row.bugs, row.settle, tmp_path / "run"))


def examine(row: Row, outcome: Outcome) -> None:
    """Whether the bugs of `row` were found, each for its own reason, and nothing else was."""
    told = tell(outcome)
    verdicts = {verdict.name: verdict for verdict in outcome.verdicts}
    for name, fragments in row.found.items():
        assert verdicts[name].result == _RESULT.get(row.code, "fail"), told
        for fragment in fragments:
            assert fragment in verdicts[name].reason, told
    failed = {name for name, verdict in verdicts.items() if verdict.result == "fail"}
    assert failed <= row.found.keys() | row.may, told
    assert outcome.exit_code == row.code, told


@pytest.mark.parametrize("scenario", ["outage", "airport", "restart"])
def test_the_system_without_a_bug_passes(scenario: str, tmp_path: Path) -> None:
    outcome = run(scenario, {}, None, tmp_path / "run")
    assert outcome.exit_code == ExitCode.PASS, tell(outcome)


def tell(outcome: Outcome) -> str:
    """Everything that a failed test has to say."""
    lines = [f"{v.result:13} {v.name}: {v.reason}" for v in outcome.verdicts]
    return "\n".join(["", *outcome.errors.all, *lines, str(outcome.folder)])
