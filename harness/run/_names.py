"""Verifies that what the checks of a scenario name exists: services, final reads, fault steps."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from harness import checks
from harness.scenario import Expectation, Scenario
from harness.stack import StackSpec


def missing_names(
    expectation: Expectation, check: checks.Check, scenario: Scenario, spec: StackSpec
) -> Iterator[str]:
    """Yield one line for each name in `check` that `spec` or `scenario` does not have.

    Args:
        expectation: the expectation that `check` was bound from.
        check: the check with its parameters.
        scenario: its fault steps are known.
        spec: its services and their final reads are known.
    """
    place = f"expect.{expectation.name or expectation.check}"
    for named in checks.named(check):
        if named.kind == "service":
            known: Iterable[str] = spec.services
            what, owner = f"there is no service {named.name!r}", "the stack has"
        elif named.kind == "step":
            known = [step.label for step in scenario.faults]
            what, owner = f"there is no fault step {named.name!r}", "the scenario has"
        elif named.service in spec.services:
            known = spec.services[named.service].reads
            what = f"{named.service} has no final read {named.name!r}"
            owner = "its x-harness.reads has"
        else:
            continue  # the service is already a problem
        if named.name not in known:
            yield f"{place}.{named.key}: {what}; {_cure(named.name, known, owner)}"


def _cure(name: str, known: Iterable[str], owner: str) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"{owner} {', '.join(known) or 'none'}"
