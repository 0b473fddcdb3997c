"""Validates a scenario against its stack before anything is started.

`prepare` binds faults to links and nodes, validates the parameters of checks, and imports the
module of journeys. It reports all problems at once, so that a run does not fail half way because
of a mistake in a file.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from harness import chaos, checks, load
from harness.errors import UsageError
from harness.scenario import CallStep, Scenario, find_scenarios, load_scenario
from harness.stack import Backend, StackSpec, read_stack

from ._names import missing_names

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A scenario that is valid for its stack."""

    scenario: Scenario
    spec: StackSpec
    faults: Mapping[str, chaos.Fault]
    """By step label."""
    source: str
    """The name or file as the user gave it, for the command that repeats the run."""


def find_scenario(name: str, spec: StackSpec) -> Path:
    """Return the file of a scenario.

    Args:
        name: a path, or the name of a scenario in the stack's folder of experiments.
        spec: the stack.

    Raises:
        UsageError: there is no such scenario; the message lists the existing ones.
    """
    given = Path(name)
    if given.is_file():
        return given
    known = find_scenarios(spec.experiments)
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    cure = f"did you mean {near[0]}? " if near else ""
    listed = ", ".join(known) or "none"
    raise UsageError(
        f"{name}: is neither a file nor a scenario in {spec.experiments}; {cure}There are: {listed}"
    )


def prepare(
    name: str, directory: Path, seed: int | None = None, *, backend: Backend | None = None
) -> Prepared:
    """Load a scenario and validate it against its stack.

    Args:
        name: the scenario's name or file.
        directory: the stack's directory.
        seed: replaces the scenario's seed.
        backend: also check that this backend has every fault of the scenario.

    Raises:
        UsageError: the scenario or the stack is wrong; one line per problem.
        BackendError: both are valid, but `backend` lacks one of the faults.
    """
    spec = read_stack(directory, os.environ)
    path = find_scenario(name, spec)
    scenario = load_scenario(path)
    if seed is not None:
        scenario = scenario.model_copy(update={"seed": seed})
    faults = bind(scenario, spec, str(path))
    if backend is not None:
        chaos.check_backend(faults.values(), backend, str(path))
    return Prepared(scenario, spec, faults, name)


def bind(scenario: Scenario, spec: StackSpec, place: str) -> Mapping[str, chaos.Fault]:
    """Validate `scenario` against `spec` and return its faults, bound to the stack, by step label.

    Args:
        scenario: the scenario.
        spec: the stack.
        place: what the scenario was read from; every problem begins with it.

    Raises:
        UsageError: one line per problem.
    """
    problems: list[str] = []
    import_checks(spec)

    def collect(make: Callable[[], T]) -> Iterator[T]:
        try:
            yield make()
        except UsageError as error:
            problems.extend(f"{place}: {problem}" for problem in error.problems)

    faults = {
        step.label: fault
        for step in scenario.faults
        for fault in collect(lambda step=step: chaos.bind(step, spec))  # type: ignore[misc]
    }
    for expectation in scenario.expect:
        for check in collect(lambda e=expectation: checks.bind(e)):  # type: ignore[misc]
            missing = missing_names(expectation, check, scenario, spec)
            problems += [f"{place}: {problem}" for problem in missing]
    list(collect(lambda: load.check_journeys(scenario.load, spec.directory, scenario.seed)))
    awaited = [s.when.service for s in scenario.timeline if s.when and s.when.service]
    named = [s.call.service for s in scenario.timeline if isinstance(s, CallStep)]
    problems += [
        f"{place}: there is no service {service!r}; the stack has {', '.join(spec.services)}"
        for service in [*named, *awaited, *scenario.overrides]
        if service not in spec.services
    ]
    problems += [
        f"{place}: {service} cannot be called: it has no x-harness.port in the stack file"
        for service in named
        if service in spec.services and spec.services[service].port is None
    ]
    if problems:
        raise UsageError(problems)
    return faults


def import_checks(spec: StackSpec) -> None:
    """Import the stack's own checks, looking for them in its directory first.

    Importing registers them.

    Raises:
        UsageError: a module cannot be imported.
    """
    if str(spec.directory) not in sys.path:
        sys.path.insert(0, str(spec.directory))
    for module in spec.checks:
        try:
            importlib.import_module(module)
        # It is the user's code, which may raise anything; its sys.exit must not end the harness.
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"{spec.directory / 'docker-compose.yml'}: x-harness.checks: {module} cannot be "
                f"imported: {type(error).__name__}: {error}"
            ) from error
