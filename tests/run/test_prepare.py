"""A scenario that is not valid for its stack is refused before a run, with all problems."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.checks import CHECKS
from harness.errors import BackendError, UsageError
from harness.run import find_scenario, prepare, scenario_schema
from harness.run._configuration import stack_settings
from harness.scenario import find_scenarios, load_scenario
from harness.scenario._yaml import load_yaml
from harness.stack import get_backend, read_stack

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "tests" / "foreign_stack"
IGNORED = shutil.ignore_patterns("__pycache__", ".harness", "runs")
GOOD = {
    "name": "x",
    "title": "X",
    "load": {
        "journeys": "experiments.journeys",
        "duration": "1h",
        "params": {"airports": {"cgk": {"flights_per_hour": 4, "passengers": 3}}},
    },
    "timeline": [{"at": "10m", "fault": "cut", "on": {"link": "border-database"}, "for": "5m"}],
    "expect": ["quiesced"],
}


def file(tmp_path: Path, **changes: object) -> str:
    path = tmp_path / "x.scenario.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}))
    return str(path)


def test_a_valid_scenario_is_bound_to_the_links_of_the_stack(tmp_path: Path) -> None:
    prepared = prepare(file(tmp_path), ROOT, seed=5)
    assert prepared.scenario.seed == 5
    assert prepared.faults["cut"].targets == ("border-database",)


def step(**changes: object) -> list[dict[str, object]]:
    return [{"at": "10m", "fault": "cut", "on": {"link": "border-database"}, **changes}]


def ledger(service: str = "border", read: str = "crossings", **more: object) -> object:
    return {"exactly_once": {"ops": "x", "ledger": {"service": service, "read": read}, **more}}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"timeline": step(fault="cutt")}, "unknown fault 'cutt'"),
        ({"timeline": step(on={"link": "border-databse"})}, "border-database"),
        ({"timeline": step(on={"site": "mars"})}, "datacenter"),
        ({"timeline": step(on={"to": "toxiproxy"})}, "toxiproxy"),
        ({"timeline": step(fault="kill")}, "kill"),
        ({"timeline": step(fault="kill", on={"service": "bordr"})}, "border"),
        ({"timeline": step(fault="fill", on={"service": "border"})}, "x-harness: {disk: 16MB}"),
        ({"timeline": step(fault="starve", on={"service": "visa"})}, "cpu, memory or both"),
        (
            {
                "timeline": step(
                    fault="disconnect", on={"service": "visa"}, **{"with": {"network": "a"}}
                )
            },
            "visa is not on 'a'; it is on datacenter",
        ),
        ({"timeline": step(fault="delay")}, "latency"),
        ({"timeline": step(fault="delay", **{"with": {"latency": "slow"}})}, "duration"),
        ({"timeline": step(fault="delay", **{"with": {"latency": 1, "x": 2}})}, "unknown key"),
        ({"expect": ["quiesed"]}, "no check is called 'quiesed'; did you mean quiesced"),
        ({"expect": ["notices"]}, "expect.notices.first: is missing"),
        ({"expect": [{"no_storm": {"tenants": "border", "per_request": 0}}]}, "greater than 0"),
        ({"load": {"journeys": "experiments.jorneys", "duration": "1h"}}, "experiments.jorneys"),
        (
            {"load": {"journeys": "experiments.journeys", "duration": "1h", "params": {"a": 1}}},
            "a",
        ),
        ({"expect": [{"stays_automatic": {"services": ["office", "offise"]}}]}, "mean office?"),
        (
            {"expect": [{"no_storm": {"tenants": "mars", "per_request": 2}}]},
            "expect.no_storm.tenants: there is no service 'mars'; the stack has ",
        ),
        (
            {"expect": [{"stages_in_order": {"service": "comand"}}]},
            "expect.stages_in_order.service: there is no service 'comand'; did you mean command?",
        ),
        (
            {"expect": [{"check": "steady_state", "name": "s", "params": {"services": "x"}}]},
            "expect.s.services: there is no service 'x'",
        ),
        (
            {"expect": [ledger(service="bordr")]},
            "expect.exactly_once.ledger.service: there is no service 'bordr'; did you mean border?",
        ),
        (
            {"expect": [ledger(read="stamps")]},
            "ledger.read: border has no final read 'stamps'; its x-harness.reads has crossings",
        ),
        (
            {"expect": [ledger(also_in=[{"service": "counter-cgk", "read": "quarantin"}])]},
            "also_in.read: counter-cgk has no final read 'quarantin'; did you mean quarantine?",
        ),
        (
            {"expect": [{"faults_bite": {"steps": ["cut", "cutt"]}}]},
            "expect.faults_bite.steps: there is no fault step 'cutt'; did you mean cut?",
        ),
        (
            {"expect": [{"gates_fail_closed": {"within": 1, "step": "x", "gates": []}}]},
            "expect.gates_fail_closed.step: there is no fault step 'x'; the scenario has cut",
        ),
        ({"expect": [{"gates_fail_closed": {"within": 1, "gates": "x"}}]}, "no service 'x'"),
        ({"overrides": {"bordr": {}}}, "there is no service 'bordr'"),
        (
            {"timeline": [{"at": "1m", "call": {"service": "bordr", "path": "/"}}]},
            "there is no service 'bordr'",
        ),
        (
            {
                "timeline": [
                    {
                        "when": {"event": "mode", "service": "bordr", "within": "1h"},
                        "fault": "cut",
                        "on": {"link": "border-database"},
                    }
                ]
            },
            "there is no service 'bordr'",
        ),
    ],
)
def test_each_problem_is_one_line_that_begins_with_the_file(
    tmp_path: Path, changes: dict[str, object], text: str
) -> None:
    path = file(tmp_path, **changes)
    with pytest.raises(UsageError) as caught:
        prepare(path, ROOT)
    (line,) = [problem for problem in caught.value.problems if text in problem]
    assert line.startswith(path)
    assert "\n" not in line


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(file(tmp_path, timeline=step(fault="nope"), expect=["nope"]), ROOT)
    assert len(caught.value.problems) == 2


def test_a_fault_that_the_backend_lacks_is_refused_and_accepted_for_another_backend(
    tmp_path: Path,
) -> None:
    path = file(tmp_path, timeline=step(fault="fill", on={"service": "counter-sub"}))
    assert prepare(path, ROOT, backend=get_backend("compose")).faults["fill"].targets == (
        "counter-sub",
    )
    with pytest.raises(BackendError) as caught:
        prepare(path, ROOT, backend=get_backend("local"))
    assert str(caught.value) == (
        f"{path}: step 'fill': fill needs containers; run with --on compose"
    )


def test_the_error_for_an_unknown_name_lists_the_scenarios() -> None:
    with pytest.raises(UsageError, match=r"brownout.*pdns2_2024"):
        find_scenario("nope", read_stack(ROOT, os.environ))
    with pytest.raises(UsageError, match=r"; did you mean pdns2_2024\? There are: "):
        find_scenario("pdns_2024", read_stack(ROOT, os.environ))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Copy the shop; checks that a test imports from it are unregistered afterwards."""
    shutil.copytree(SHOP, tmp_path, ignore=IGNORED, dirs_exist_ok=True)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(CHECKS)
    yield tmp_path
    for name in CHECKS.keys() - known:
        del sys.modules[CHECKS.pop(name).__module__]


def test_a_module_that_exits_when_imported_is_reported_as_a_problem(shop: Path) -> None:
    (shop / "quitters.py").write_text("raise SystemExit(0)\n")
    with pytest.raises(UsageError, match=r"load\.journeys: quitters ended the program when it was"):
        prepare(file(shop, load={"journeys": "quitters", "duration": "1h"}), shop)
    stack = shop / "docker-compose.yml"
    stack.write_text(stack.read_text().replace("checks: [shop_checks]", "checks: [quitters]"))
    with pytest.raises(UsageError, match="quitters cannot be imported: SystemExit"):
        prepare(file(shop), shop)


@pytest.mark.parametrize("name", list(find_scenarios(ROOT / "experiments")))
def test_every_experiment_is_valid_for_the_stack_and_the_generated_schema(name: str) -> None:
    prepare(name, ROOT)
    schema = scenario_schema(ROOT)
    jsonschema.Draft202012Validator.check_schema(schema)
    path = find_scenarios(ROOT / "experiments")[name]
    content = json.loads(
        json.dumps(load_yaml(path.read_text()), default=str)
        if path.suffix == ".yaml"
        else load_scenario(path).model_dump_json(by_alias=True, exclude_none=True)
    )
    jsonschema.validate(content, schema)


@pytest.mark.parametrize(
    "changes",
    [
        {"expect": ["nope"]},
        {"expect": [{"notices": {"evry": "6h"}}]},
        {"timeline": step(fault="nope")},
        {"timeline": step(fault="delay", **{"with": {"laten": 1}})},
        {"timeline": step(fault="starve", **{"with": {"memory": "much"}})},
        {"timeline": step(fault="fill", **{"with": {"size": "1MB"}})},
        {"timeline": step(on={"link": "nope"})},
        {"pace": -1},
    ],
)
def test_the_schema_refuses_what_the_harness_refuses(changes: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**GOOD, **changes}, scenario_schema(ROOT))


def test_the_stack_is_given_the_seed_of_the_scenario(tmp_path: Path) -> None:
    scenario = load_scenario(Path(file(tmp_path, seed=41)))
    assert stack_settings(scenario, 0.0).seed == 41
