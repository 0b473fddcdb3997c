"""Each planted bug fails its check on a real stack, and the system without a bug passes.

A row plants one bug, or several in different services whose symptoms do not hide each other. Each
bug must be found by the check that is there for it, with the expected reason. `may_also_fail` lists
further checks that the bug can fail because it breaks their promise too; no other check may fail.
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
    """Bugs that are planted together, and the verdicts that they must lead to."""

    name: str
    bugs: Mapping[str, str]
    """For each service, the module and factory in `planted`."""
    expected: Mapping[str, tuple[str, ...]]
    """For each check that must fail, fragments of its reason."""
    may_also_fail: frozenset[str] = field(default_factory=frozenset)
    scenario: str = "outage"
    exit_code: ExitCode = ExitCode.FAIL
    settle: float | None = None
    """Longest wait for quiescence in scenario seconds; shorter where it is never reached."""


COUNTERS = ("counter-cgk", "counter-dps", "counter-sub")
GATES = ("autogate-cgk", "autogate-dps")
NEVER_NORMAL = frozenset({"leaves_fallback", "backlog_drains", "quiesced", "notices"})
"""Checks that also fail if a service never leaves its fallback."""


ROWS = (
    Row(
        "border records a batch twice, and a counter does not write its journal",
        {"border": "border:batch_twice", "counter-sub": "counter:unwritten"},
        {"exactly_once": ("lost", "invented")},
    ),
    Row(
        "a counter keeps its journal in memory only",
        {"counter-cgk": "counter:forgetful"},
        {"exactly_once": ("lost",)},
        scenario="restart",
    ),
    Row(
        "autogates admit travellers while the data center is unreachable",
        dict.fromkeys(GATES, "autogate:opens_blind"),
        {"gates_fail_closed": ("admitted by an autogate",)},
        may_also_fail=frozenset({"exactly_once"}),
    ),
    Row(
        "a circuit breaker never leaves half-open",
        {"counter-sub": "counter:stuck_breaker"},
        {"leaves_fallback": ("counter-sub was still manual",)},
        may_also_fail=NEVER_NORMAL,
        settle=2400,
    ),
    Row(
        "stages open out of order",
        {"command": "command:wrong_order"},
        {"stages_in_order": ("before border was done",)},
        # A gate that opens before border does refuses travellers until border is open.
        may_also_fail=frozenset({"errors_subside"}),
    ),
    Row(
        "stages open although their criteria do not hold",
        {"command": "command:no_gate"},
        {"stages_in_order": ("before the heal",)},
        # A stage that reopens in the round of its loss leaves no disruption to announce.
        may_also_fail=frozenset({"notices"}),
    ),
    Row(
        "a counter ignores the offline watchlist, and another uses an outdated one",
        {"counter-cgk": "counter:ignores_list", "counter-dps": "counter:stale_list"},
        {"nobody_barred_admitted": ("admitted by hand", "older than 45 min")},
    ),
    Row(
        "notices stop after the first, applications are lost, bags are lost and swapped",
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
        "notices are in English only, a counter misstates its source, visa is never quiescent",
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
        "counters retry without pause or limit",
        dict.fromkeys(COUNTERS, "counter:stormy"),
        {"no_storm": ("requests per user request reached the tenants",)},
    ),
    Row(
        "a counter stops replaying its journal after the first batch",
        {"counter-cgk": "counter:stops_entering"},
        {"backlog_drains": ("counter-cgk",)},
        may_also_fail=NEVER_NORMAL,
        settle=2400,
    ),
    Row(
        "a counter marks entered records as not entered",
        {"counter-cgk": "counter:adds_again"},
        {"backlog_drains": ("counter-cgk's backlog grew",)},
        # A backlog that never ends stops the plan at border, and the gates come after border.
        may_also_fail=NEVER_NORMAL | {"errors_subside"},
    ),
    Row(
        "counters have no manual fallback",
        dict.fromkeys(COUNTERS, "counter:never_by_hand"),
        {"fallback": ("never went manual",)},
        # Without a counter in manual mode as witness, the plan considers no tenant lost.
        may_also_fail=frozenset({"errors_subside", "stages_in_order"}),
    ),
    Row(
        "an outage at one airport closes another airport's gates",
        {"command": "command:spreading"},
        {"stays_automatic": ("autogate-dps went manual",)},
        scenario="airport",
    ),
    Row(
        "autogates report that they are open but open no lane",
        dict.fromkeys(GATES, "autogate:stays_shut"),
        {"errors_subside": ("of requests still failed",)},
        may_also_fail=frozenset({"stages_in_order"}),
    ),
    Row(
        "a service crashes",
        {"baggage-sub": "public:crashing"},
        {"nothing_crashed": ("baggage-sub",)},
        may_also_fail=NEVER_NORMAL | {"faults_bite", "gates_fail_closed", "stages_in_order"},
        exit_code=ExitCode.BROKEN,
    ),
    Row(
        "the system fails requests before the fault",
        {"office": "public:unwell"},
        {"steady_state": ("no baseline",)},
        exit_code=ExitCode.INCONCLUSIVE,
    ),
    Row(
        "a fault has no effect",
        {},
        {"faults_bite": ("not verified",)},
        scenario="harmless",
        exit_code=ExitCode.INCONCLUSIVE,
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
    """Run a scenario of this directory with bugs planted.

    Args:
        scenario: Name of the file in `scenarios`, without its suffix.
        bugs: For each service, the module and factory in `planted`.
        settle: Longest wait for quiescence in scenario seconds; None for the scenario's own.
        out: The evidence folder.
        backend: Where to run; None for the default backend.
        pace: Scenario seconds per wall-clock second; None for the scenario's own.
        stretch: Factor on the duration of the load.
    """
    path = HERE / "scenarios" / f"{scenario}.scenario.yaml"
    spec = read_stack(ROOT, environ)
    original = load_scenario(path)
    overrides = dict(original.overrides)
    for service, bug in bugs.items():
        existing = overrides.get(service, Override())
        app = f"tests.mutants.planted.{bug}"
        overrides[service] = existing.model_copy(update={"app": app})
    load = original.load.model_copy(update={"duration": original.load.duration * stretch})
    optional = {"settle": settle, "pace": pace, "load": load}
    changes = {"overrides": overrides, **{k: v for k, v in optional.items() if v is not None}}
    changed = original.model_copy(update=changes)
    prepared = Prepared(changed, spec, bind(changed, spec, str(path)), str(path))
    return execute(prepared, backend=backend or get_backend(), base=out.parent, out=out)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_planted_bug_is_found(row: Row, tmp_path: Path) -> None:
    assert_bugs_found(row, run(row.scenario, row.bugs, row.settle, tmp_path / "run"))


def assert_bugs_found(row: Row, outcome: Outcome) -> None:
    """Assert that the expected checks failed, with the expected reasons, and no others."""
    details = describe(outcome)
    verdicts = {verdict.name: verdict for verdict in outcome.verdicts}
    for name, fragments in row.expected.items():
        assert verdicts[name].result == _RESULT.get(row.exit_code, "fail"), details
        for fragment in fragments:
            assert fragment in verdicts[name].reason, details
    failed = {name for name, verdict in verdicts.items() if verdict.result == "fail"}
    assert failed <= row.expected.keys() | row.may_also_fail, details
    assert outcome.exit_code == row.exit_code, details


@pytest.mark.parametrize("scenario", ["outage", "airport", "restart"])
def test_the_system_without_a_bug_passes(scenario: str, tmp_path: Path) -> None:
    outcome = run(scenario, {}, None, tmp_path / "run")
    assert outcome.exit_code == ExitCode.PASS, describe(outcome)


def describe(outcome: Outcome) -> str:
    """Return the verdicts, errors and evidence folder of a run, for a failed assertion."""
    lines = [f"{v.result:13} {v.name}: {v.reason}" for v in outcome.verdicts]
    return "\n".join(["", *outcome.errors.all, *lines, str(outcome.folder)])
