"""Binding a scenario's step to a stack: targets, parameters, and every error."""

import pytest

from harness.chaos import FAULT_TYPES, LinkFault, bind, check_backend
from harness.errors import BackendError, ExitCode, UsageError
from harness.scenario import FaultStep
from harness.stack import get_backend

from .fake_stack import SPEC


def step(fault: str, on: dict[str, object], **params: object) -> FaultStep:
    return FaultStep.model_validate({"at": 0, "fault": fault, "on": on, "with": params})


@pytest.mark.parametrize(
    ("on", "links"),
    [
        ({"link": "gate-visa"}, ["gate-visa"]),
        ({"link": ["gate-visa", "border-database"]}, ["border-database", "gate-visa"]),
        ({"to": "database"}, ["border-database", "visa-database"]),
        ({"from": "gate"}, ["gate-border", "gate-visa"]),
        ({"site": "center"}, ["gate-border", "gate-visa", "desk-border"]),
        ({"site": "airport"}, ["gate-border", "gate-visa", "desk-border"]),
        ({"service": "gate"}, ["gate-border", "gate-visa", "desk-gate"]),
        ({"service": ["queue", "visa"]}, ["visa-database", "border-queue", "gate-visa"]),
    ],
)
def test_links_are_found_by_name_by_service_and_by_site(
    on: dict[str, object], links: list[str]
) -> None:
    assert list(bind(step("cut", on), SPEC).targets) == links


@pytest.mark.parametrize(
    ("on", "services"),
    [
        ({"service": "gate"}, ["gate"]),
        ({"service": ["gate", "database"]}, ["database", "gate"]),
        ({"site": "airport"}, ["gate", "desk"]),
    ],
)
def test_services_are_found_by_name_and_by_site(on: dict[str, object], services: list[str]) -> None:
    assert list(bind(step("kill", on), SPEC).targets) == services


def test_a_fault_keeps_the_steps_label_and_scenario_seconds() -> None:
    named = step("delay", {"to": "database"}, latency="1m", jitter="10s")
    fault = bind(named.model_copy(update={"name": "slow"}), SPEC)
    assert (fault.label, fault.name) == ("slow", "delay")
    assert fault.type.model_dump() == {"latency": 60.0, "jitter": 10.0}


@pytest.mark.parametrize(
    ("fault", "on", "params", "problems"),
    [
        (
            "cutt",
            {"link": "gate-visa"},
            {},
            ["unknown fault 'cutt'; did you mean 'cut'? There are"],
        ),
        ("xyz", {"link": "gate-visa"}, {}, ["unknown fault 'xyz'; There are: blackhole, cut,"]),
        ("cut", {"link": "gate-vis"}, {}, ["unknown link 'gate-vis'; did you mean 'gate-visa'?"]),
        ("cut", {"link": ["a", "b"]}, {}, ["unknown link 'a'", "unknown link 'b'"]),
        ("cut", {"link": []}, {}, ["names no link"]),
        ("cut", {"to": "nobody"}, {}, ["unknown service 'nobody'"]),
        ("cut", {"from": "database"}, {}, ["no link out of database; there is nothing to put"]),
        ("cut", {"to": "desk"}, {}, ["no link into desk"]),
        ("cut", {"site": "centre"}, {}, ["unknown site 'centre'; did you mean 'center'?"]),
        ("cut", {"link": "gate-visa"}, {"hard": True}, ["with: hard: unknown key"]),
        ("kill", {"link": "gate-visa"}, {}, ["acts on services, not on links; name a service"]),
        ("kill", {"to": "gate"}, {}, ["acts on services"]),
        ("kill", {"service": "gat"}, {}, ["unknown service 'gat'; did you mean 'gate'?"]),
        ("delay", {"to": "visa"}, {}, ["with: latency: is missing"]),
        ("delay", {"to": "visa"}, {"latency": "fast"}, ["latency: 'fast' is not a duration"]),
        ("delay", {"to": "visa"}, {"latency": 0}, ["latency: Input should be greater than 0"]),
        ("delay", {"to": "visa"}, {"latency": 1, "jitter": 2}, ["jitter must not exceed latency"]),
        ("throttle", {"to": "visa"}, {"rate": 0}, ["rate: Input should be greater than 0"]),
        ("throttle", {"to": "visa"}, {"rate": "inf"}, ["rate: Input should be a finite number"]),
        ("slice", {"to": "visa"}, {"size": 0, "delay": 1}, ["size: Input should be greater"]),
        (
            "slice",
            {"to": "visa"},
            {"size": 5, "variation": 5, "delay": 1},
            ["variation must be less than size"],
        ),
        ("limit", {"to": "visa"}, {"bytes": -1}, ["bytes: Input should be greater than or equal"]),
        ("disconnect", {"link": "gate-visa"}, {}, ["acts on services, not on links"]),
        (
            "disconnect",
            {"service": "gate"},
            {"network": "attic"},
            ["with: network: gate is not on 'attic'; it is on default"],
        ),
        (
            "disconnect",
            {"service": "queue"},
            {},
            ["queue has a network_mode, so it has no network"],
        ),
        ("starve", {"service": "gate"}, {}, ["nothing to limit; give cpu, memory or both"]),
        ("starve", {"service": "gate"}, {"cpu": 0}, ["cpu: Input should be greater than or equal"]),
        ("starve", {"service": "gate"}, {"cpu": "inf"}, ["cpu: Input should be a finite number"]),
        ("starve", {"service": "gate"}, {"memory": "5MB"}, ["memory: Input should be greater"]),
        (
            "starve",
            {"service": "gate"},
            {"memory": "much"},
            ["memory: 'much' is not a size; write"],
        ),
        ("starve", {"to": "gate"}, {"cpu": 0.1}, ["acts on services, not on links"]),
        (
            "fill",
            {"service": ["gate", "border"]},
            {},
            ["the disk of gate is as large as the machine's; give it a size in the stack file"],
        ),
        ("fill", {"service": "border"}, {"size": 1}, ["with: size: unknown key"]),
        (
            "delay",
            {"link": "x"},
            {"latncy": 1},
            [
                "latency: is missing",
                "latncy: unknown key; did you mean latency?",
                "unknown link 'x'",
            ],
        ),
    ],
)
def test_every_problem_is_reported_on_a_line_of_its_own(
    fault: str, on: dict[str, object], params: dict[str, object], problems: list[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        bind(step(fault, on, **params), SPEC)
    lines = caught.value.problems
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert problem in line
        assert line.startswith(f"step '{fault}': ")
        assert "\n" not in line


def test_every_fault_type_is_registered_and_described() -> None:
    assert set(FAULT_TYPES) == {
        "blackhole", "cut", "delay", "disconnect", "fill", "kill", "limit", "lose_replies", "pause",
        "reset", "restart", "slice", "slow_close", "starve", "stop", "throttle",
    }  # fmt: skip
    for fault_type in FAULT_TYPES.values():
        assert fault_type.__doc__
        assert fault_type.model_json_schema()["additionalProperties"] is False
    assert issubclass(FAULT_TYPES["cut"], LinkFault)


def test_a_fault_that_the_backend_does_not_support_is_rejected_with_the_cure() -> None:
    faults = [
        bind(step("cut", {"link": "gate-visa"}), SPEC),
        bind(step("disconnect", {"service": "gate"}), SPEC),
        bind(step("fill", {"service": "border"}), SPEC),
    ]
    check_backend(faults, get_backend("compose"))
    check_backend(faults[:1], get_backend("local"))
    with pytest.raises(BackendError) as caught:
        check_backend(faults, get_backend("local"))
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.problems == (
        "step 'disconnect': disconnect needs containers; run with --on compose",
        "step 'fill': fill needs containers; run with --on compose",
    )
