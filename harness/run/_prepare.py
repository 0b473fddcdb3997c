"""Everything that can be found wrong before anything is started, found at once.

`prepare` brings a scenario and a stack together: faults are bound to links and nodes, checks to
their parameters, the journeys module is imported. What it returns can be run without a further
user's mistake coming to light half way.
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

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """A scenario that fits its stack."""

    scenario: Scenario
    spec: StackSpec
    faults: Mapping[str, chaos.Fault]
    """By step label."""
    source: str
    """The name or file by which the user asked for it."""


def find_scenario(name: str, spec: StackSpec) -> Path:
    """The file of scenario `name`, which is a path or the name of one of the stack's own.

    Raises:
        UsageError: there is none; the message lists those there are.
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
    """The scenario `name` for the stack in `directory`, to be run on `backend` if one is named.

    Raises:
        UsageError: anything in either that is wrong, one line per problem.
        BackendError: nothing is, but there is no such fault on `backend`.
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
    """Bind `scenario` to `spec`; `place` is what its problems are reported against.

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
        list(collect(lambda e=expectation: checks.bind(e)))  # type: ignore[misc]
    list(collect(lambda: load.check_journeys(scenario.load, spec.directory, scenario.seed)))
    named = [s.call.service for s in scenario.timeline if isinstance(s, CallStep)]
    problems += [
        f"{place}: no service is called {service!r}; the stack has {', '.join(spec.services)}"
        for service in [*named, *scenario.overrides]
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
    """Import the stack's own checks, which registers them.

    Raises:
        UsageError: a module cannot be imported.
    """
    import_from(spec.directory, spec.checks)


def import_from(directory: Path, modules: tuple[str, ...]) -> None:
    """Import `modules`, with `directory` in front of the path.

    Raises:
        UsageError: one of them cannot be imported.
    """
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    for module in modules:
        try:
            importlib.import_module(module)
        # The module is the user's: whatever it raises is theirs, and its sys.exit is not ours.
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"{directory / 'docker-compose.yml'}: x-harness.checks: {module} cannot be "
                f"imported: {type(error).__name__}: {error}"
            ) from error
