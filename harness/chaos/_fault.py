"""A fault that has been checked against a stack: fault type, parameters and targets."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError

from harness.errors import BackendError, UsageError
from harness.scenario import FaultStep, Target, one_line_problems
from harness.stack import Backend, StackSpec

from . import faults as _faults  # registers every fault type
from ._fault_type import FAULT_TYPES, FaultType, LinkFault, NodeFault, unsupported_message
from ._target import resolve_links, resolve_services, unknown_name

T = TypeVar("T")
assert _faults.__all__


@dataclass(frozen=True)
class Fault:
    """A fault to inject, with its targets. `Chaos.inject` injects it."""

    type: LinkFault | NodeFault
    """The fault type with its parameters."""
    targets: tuple[str, ...]
    """Names of links for a link fault, of services for a node fault."""
    label: str = ""
    """Label of the scenario's step, else the name of the fault type."""

    @property
    def name(self) -> str:
        """Name of the fault type."""
        return self.type.type_name


def bind(step: FaultStep, spec: StackSpec) -> Fault:
    """Return the fault of a scenario's `step`, with targets in the stack of `spec`.

    Raises:
        UsageError: unknown fault type, wrong parameters or targets; all problems, one line each.
    """
    return _bind(step.fault, step.on, step.params, spec, label=step.label)


def check_backend(faults: Iterable[Fault], backend: Backend, place: str = "") -> None:
    """Check that `backend` supports each of `faults`.

    Args:
        faults: Faults to check.
        backend: Backend of the run.
        place: The file in which they are written, for the message.

    Raises:
        BackendError: some are not supported; one line for each.
    """
    absent = [fault for fault in faults if not fault.type.requires <= backend.capabilities]
    if absent:
        prefix = f"{place}: " if place else ""
        raise BackendError(
            [f"{prefix}step {one.label!r}: {unsupported_message(one.type)}" for one in absent]
        )


def make_fault(
    name: str, spec: StackSpec, target: Mapping[str, object], params: Mapping[str, Any]
) -> Fault:
    """Return a fault that a program names instead of a scenario's step.

    Args:
        name: Name of the fault type.
        spec: The stack.
        target: Where to inject it: one of the keys of a step's `on`, with its value.
        params: Parameters of the fault type.

    Raises:
        UsageError: as `bind`.
    """
    try:
        on = Target.model_validate(dict(target))
    except ValidationError as error:
        raise UsageError(list(one_line_problems(name, error, Target))) from error
    return _bind(name, on, params, spec, label=name)


def _bind(
    name: str,
    target: Target,
    params: Mapping[str, JsonValue],
    spec: StackSpec,
    *,
    label: str,
) -> Fault:
    found = FAULT_TYPES.get(name)
    if found is None:
        raise UsageError(f"step {label!r}: {unknown_name('fault', name, FAULT_TYPES)}")
    place = f"step {label!r}: {name}"
    problems: list[str] = []
    fault_type = _collect(lambda: _validate(found, params, place), problems)
    resolve = resolve_links if issubclass(found, LinkFault) else resolve_services
    targets = _collect(lambda: resolve(target, spec), problems, f"{place}: ")
    if targets is not None and isinstance(fault_type, NodeFault):
        reasons = (fault_type.unfit_reason(spec.services[name]) for name in targets)
        problems += [f"{place}: {reason}" for reason in reasons if reason]
    if problems or targets is None or not isinstance(fault_type, LinkFault | NodeFault):
        raise UsageError(problems)
    return Fault(fault_type, targets, label)


def _validate(fault_type: type[FaultType], params: Mapping[str, Any], place: str) -> FaultType:
    try:
        return fault_type.model_validate(dict(params))
    except ValidationError as error:
        problems = list(one_line_problems(f"{place}: with", error, fault_type))
        raise UsageError(problems) from error


def _collect(make: Callable[[], T], problems: list[str], prefix: str = "") -> T | None:
    """Return what `make` returns, or append its problems and return None."""
    try:
        return make()
    except UsageError as error:
        problems += [f"{prefix}{problem}" for problem in error.problems]
        return None
