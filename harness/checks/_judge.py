"""From expectations to verdicts: look up each check, bind its parameters, judge the history."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import msgspec
from pydantic import ValidationError

from harness.errors import UsageError
from harness.history import History, Started
from harness.scenario import Expectation

from ._check import CHECKS, Check, Result, Verdict

_WORST_FIRST: tuple[Result, ...] = ("fail", "inconclusive", "pass")


def bind(expectation: Expectation) -> Check:
    """Return the check that `expectation` names, with its parameters validated.

    Raises:
        UsageError: there is no such check, or it does not accept the parameters; one line per
            problem, with the place and the cure.
    """
    place = f"expect.{expectation.name or expectation.check}"
    check = CHECKS.get(expectation.check)
    if check is None:
        near = get_close_matches(expectation.check, CHECKS, n=3, cutoff=0.5)
        cure = f"did you mean {' or '.join(near)}?" if near else f"there are {_names(CHECKS)}"
        raise UsageError(f"{place}: no check is called {expectation.check!r}; {cure}")
    try:
        return check.model_validate(expectation.params)
    except ValidationError as error:
        raise UsageError(_problems(place, check, error)) from error


def judge_all(history: History, expectations: Iterable[Expectation]) -> list[Verdict]:
    """Return one verdict per expectation, in their order.

    An expectation whose check raises, cannot be bound or returns no valid verdict gets an
    inconclusive verdict.

    Raises:
        KeyboardInterrupt: the user interrupts the judging.
    """
    return [_judge(history, expectation) for expectation in expectations]


def worst(verdicts: Iterable[Verdict]) -> Result:
    """Return the worst result: `fail` before `inconclusive` before `pass`.

    Without any verdict the result is `inconclusive`, because nothing was proven.
    """
    results = {verdict.result for verdict in verdicts}
    return next((result for result in _WORST_FIRST if result in results), "inconclusive")


def _judge(history: History, expectation: Expectation) -> Verdict:
    try:
        check = bind(expectation)
        if next(history.of(Started), None) is None:
            verdict = check.inconclusive(
                "the history has no `started` event, so its pace and backend are unknown"
            )
        else:
            verdict = _checked(check.judge(history), check.check_name)
    except KeyboardInterrupt:
        raise
    # A check may be a user's code, and one must not hide the rest. SystemExit and the exceptions
    # of pytest.fail and pytest.skip are no Exception, and would end the run without a verdict.
    except BaseException as error:  # noqa: BLE001
        own = isinstance(error, UsageError | _NoVerdictError)
        text = str(error) if own else f"{type(error).__name__}: {error}"
        verdict = Verdict(
            check=expectation.check,
            name="",
            result="inconclusive",
            reason=f"the check itself failed ({' '.join(text.split())})",
        )
    return msgspec.structs.replace(verdict, name=expectation.name or expectation.check)


class _NoVerdictError(Exception):
    """A check returned something that is not a valid verdict."""


def _checked(value: object, check: str) -> Verdict:
    """Return `value` if it is a verdict with a valid result; else raise `_NoVerdictError`."""
    cure = "return self.passed(...), self.failed(...) or self.inconclusive(...)"
    if not isinstance(value, Verdict):
        raise _NoVerdictError(f"{check}.judge returned {value!r:.80}, not a Verdict; {cure}")
    if value.result not in _WORST_FIRST:
        raise _NoVerdictError(f"{check}.judge returned the result {value.result!r:.80}; {cure}")
    return value


def _problems(place: str, check: type[Check], error: ValidationError) -> Sequence[str]:
    lines = []
    found = error.errors()
    for problem in found:
        if any(
            other["loc"][: len(problem["loc"])] == problem["loc"] != other["loc"] for other in found
        ):
            continue  # a list that is "too short" because of an invalid item in it
        key = ".".join([place, *(str(part) for part in problem["loc"])])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(str(problem["loc"][-1]), check.model_fields, n=1, cutoff=0.5)
            cure = f"did you mean {near[0]}?" if near else f"it takes {_names(check.model_fields)}"
            text = f"{check.check_name} has no such parameter; {cure}"
        elif problem["type"] == "missing":
            field = check.model_fields.get(str(problem["loc"][0]))
            text = f"is missing; add it ({(field and field.description) or 'required'})"
        elif problem["type"] == "too_short":
            text = "is empty; name at least one"
        elif problem["type"] != "value_error":
            text = f"{text}; it is {problem['input']!r}"
        lines.append(" ".join(f"{key}: {text}".split()))
    return lines


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
