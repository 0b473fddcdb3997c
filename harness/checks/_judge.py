"""From expectations to verdicts: finding each check, giving it its parameters, asking it."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import msgspec
from pydantic import ValidationError

from harness.errors import UsageError
from harness.history import History, Started
from harness.scenario import Expectation

from ._check import CHECKS, Check, Result, Verdict

_ORDER: tuple[Result, ...] = ("fail", "inconclusive", "pass")


def bind(expectation: Expectation) -> Check:
    """The check that `expectation` names, with its parameters.

    Raises:
        UsageError: no such check, or parameters that it does not take; one line per problem.
    """
    place = f"expect.{expectation.name or expectation.check}"
    kind = CHECKS.get(expectation.check)
    if kind is None:
        near = get_close_matches(expectation.check, CHECKS, n=3, cutoff=0.5)
        cure = f"did you mean {' or '.join(near)}?" if near else f"there are {_names(CHECKS)}"
        raise UsageError(f"{place}: no check is called {expectation.check!r}; {cure}")
    try:
        return kind.model_validate(expectation.params)
    except ValidationError as error:
        raise UsageError(_problems(place, kind, error)) from error


def judge_all(history: History, expectations: Iterable[Expectation]) -> list[Verdict]:
    """One verdict for each expectation, in their order; a check that breaks is inconclusive."""
    return [_judge(history, expectation) for expectation in expectations]


def worst(verdicts: Iterable[Verdict]) -> Result:
    """`fail` before `inconclusive` before `pass`; without a verdict nothing was proven."""
    results = {verdict.result for verdict in verdicts}
    return next((result for result in _ORDER if result in results), "inconclusive")


def _judge(history: History, expectation: Expectation) -> Verdict:
    try:
        check = bind(expectation)
        if next(history.of(Started), None) is None:
            verdict = check.unclear("the history does not say how the run began, so it is no run's")
        else:
            verdict = check.judge(history)
    except Exception as error:  # noqa: BLE001 - a check may be anybody's code; one must not hide the rest
        what = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        verdict = Verdict(
            check=expectation.check,
            name="",
            result="inconclusive",
            reason=f"the check itself failed ({' '.join(what.split())})",
        )
    return msgspec.structs.replace(verdict, name=expectation.name or expectation.check)


def _problems(place: str, kind: type[Check], error: ValidationError) -> Sequence[str]:
    lines = []
    found = error.errors()
    for problem in found:
        if any(
            other["loc"][: len(problem["loc"])] == problem["loc"] != other["loc"] for other in found
        ):
            continue  # a list that is "too short" because of what is wrong inside it
        key = ".".join([place, *(str(part) for part in problem["loc"])])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(str(problem["loc"][-1]), kind.model_fields, n=1, cutoff=0.5)
            cure = f"did you mean {near[0]}?" if near else f"it takes {_names(kind.model_fields)}"
            text = f"{kind.check_name} has no such parameter; {cure}"
        elif problem["type"] == "missing":
            about = kind.model_fields.get(str(problem["loc"][0]))
            text = f"is missing; add it ({(about and about.description) or 'required'})"
        elif problem["type"] == "too_short":
            text = "is empty; name at least one"
        elif problem["type"] != "value_error":
            text = f"{text}; it is {problem['input']!r}"
        lines.append(" ".join(f"{key}: {text}".split()))
    return lines


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
