"""A fault that fits its stack: a kind with its parameters, and the links or services it is for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import JsonValue, ValidationError

from harness.errors import BackendError, UsageError
from harness.scenario import FaultStep, Target, one_line_problems
from harness.stack import Backend, StackSpec

from . import faults as _faults  # registers every kind
from ._kind import FAULT_TYPES, FaultType, LinkFault, NodeFault, unsupported
from ._target import resolve_links, resolve_services, unknown

T = TypeVar("T")
assert _faults.__all__


@dataclass(frozen=True)
class Fault:
    """What is to be done, and to what. Nothing has been done yet."""

    kind: LinkFault | NodeFault
    targets: tuple[str, ...]
    """Links of a link fault, services of a node fault."""
    label: str = ""
    """The scenario's step; the kind's name otherwise."""

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.kind.type_name


def bind(step: FaultStep, spec: StackSpec) -> Fault:
    """The fault of a scenario's `step` on the stack of `spec`.

    Raises:
        UsageError: unknown kind, wrong parameters or targets: everything at once, one line each.
    """
    return _bind(step.fault, step.on, step.params, spec, label=step.label)


def check_backend(faults: Iterable[Fault], backend: Backend, place: str = "") -> None:
    """See that there are such faults on `backend`; `place` is where they are written.

    Raises:
        BackendError: there are not; one line for each.
    """
    absent = [fault for fault in faults if not fault.kind.requires <= backend.capabilities]
    if absent:
        at = f"{place}: " if place else ""
        raise BackendError([f"{at}step {one.label!r}: {unsupported(one.kind)}" for one in absent])


def make(
    name: str, spec: StackSpec, where: Mapping[str, object], params: Mapping[str, Any]
) -> Fault:
    """As `bind`, for a fault that a program names.

    Raises:
        UsageError: as `bind`.
    """
    try:
        target = Target.model_validate(dict(where))
    except ValidationError as error:
        raise UsageError(list(one_line_problems(name, error, Target))) from error
    return _bind(name, target, params, spec, label=name)


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
        raise UsageError(f"step {label!r}: {unknown('fault', name, FAULT_TYPES)}")
    place = f"step {label!r}: {name}"
    problems: list[str] = []
    kind = _collect(lambda: _validated(found, params, place), problems)
    resolve = resolve_links if issubclass(found, LinkFault) else resolve_services
    targets = _collect(lambda: resolve(target, spec), problems, f"{place}: ")
    if targets is not None and isinstance(kind, NodeFault):
        misfits = (kind.misfits(spec.services[name]) for name in targets)
        problems += [f"{place}: {misfit}" for misfit in misfits if misfit]
    if problems or targets is None or not isinstance(kind, LinkFault | NodeFault):
        raise UsageError(problems)
    return Fault(kind, targets, label)


def _validated(kind: type[FaultType], params: Mapping[str, Any], place: str) -> FaultType:
    try:
        return kind.model_validate(dict(params))
    except ValidationError as error:
        raise UsageError(list(one_line_problems(f"{place}: with", error, kind))) from error


def _collect(make: Callable[[], T], problems: list[str], prefix: str = "") -> T | None:
    try:
        return make()
    except UsageError as error:
        problems += [f"{prefix}{problem}" for problem in error.problems]
        return None
