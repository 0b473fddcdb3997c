"""What a check is: a frozen record of its parameters with one pure method, `judge`.

    class Notices(Check, name="notices"):
        \"\"\"Passes if notices come at least every `every`; fails if one is missing.\"\"\"

        every: Duration

        def judge(self, history: History) -> Verdict: ...

Defining the class registers it under its name; an expectation in a scenario names it and gives its
fields. A check never raises on a history: what it cannot decide is `inconclusive`.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import msgspec

from harness.history import History
from harness.scenario import Model

Result = Literal["pass", "fail", "inconclusive"]

_MOST_EVIDENCE = 20


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found, with the indexes of the events that prove it."""

    check: str
    name: str
    """The expectation's name: the check's own name unless the scenario gives another."""
    result: Result
    reason: str
    """One line of text that explains the result."""
    evidence: tuple[int, ...] = ()
    """Indexes of events in the history, the most important first, at most 20."""
    measured: dict[str, float | int | str] = {}
    """Figures behind the result. The check's docstring states their units and meaning."""


def as_evidence(indexes: Iterable[int]) -> tuple[int, ...]:
    """Return `indexes` as evidence of a verdict: the first 20, each once, without -1."""
    found = dict.fromkeys(index for index in indexes if index >= 0)
    return tuple(found)[:_MOST_EVIDENCE]


class Check(Model):
    """A question about a history. Its fields are the parameters that an expectation may give.

    Subclasses are registered in `CHECKS` by the `name` in their class statement. The first
    sentence of a subclass's docstring says what passes; `harness schema` shows the docstring and
    the descriptions of the fields.
    """

    check_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.check_name = name
        other = CHECKS.get(name)
        if other is not None and (other.__module__, other.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__}: the check name {name!r} is already used by "
                f"{other.__module__}.{other.__qualname__}; give this check another name"
            )
        if name:
            CHECKS[name] = cls

    @abstractmethod
    def judge(self, history: History) -> Verdict:
        """Return the verdict on `history`; deterministic, without I/O, and it never raises."""

    def passed(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """Return a verdict with the result `pass`; keywords are its measured figures."""
        return self._verdict("pass", reason, evidence, measured)

    def failed(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """Return a verdict with the result `fail`; keywords are its measured figures."""
        return self._verdict("fail", reason, evidence, measured)

    def inconclusive(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """Return a verdict with the result `inconclusive`; keywords are its measured figures."""
        return self._verdict("inconclusive", reason, evidence, measured)

    def _verdict(
        self,
        result: Result,
        reason: str,
        evidence: tuple[int, ...],
        measured: dict[str, float | str],
    ) -> Verdict:
        return Verdict(
            check=self.check_name,
            name=self.check_name,
            result=result,
            reason=reason,
            evidence=evidence,
            measured=dict(measured),
        )


CHECKS: dict[str, type[Check]] = {}
"""Every registered check by name. A stack's own checks are added when its modules are imported."""
