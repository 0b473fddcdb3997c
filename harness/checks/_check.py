"""What a check is: a frozen record of its parameters with one pure method, `judge`.

    class Notices(Check, name="notices"):
        \"\"\"Notices come at least every promised interval.\"\"\"

        every: Duration

        def judge(self, history: History) -> Verdict: ...

Defining the class registers it under its name; a scenario's `expect` names it and gives the
fields. A check never raises on a history: what it cannot tell is `inconclusive`.
"""

from abc import abstractmethod
from typing import Any, ClassVar, Literal

import msgspec

from harness.history import History
from harness.scenario import Model

Result = Literal["pass", "fail", "inconclusive"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found, with the indexes of the events that prove it."""

    check: str
    name: str
    """The expectation's name; the check's own unless the scenario gives another."""
    result: Result
    reason: str
    evidence: tuple[int, ...] = ()
    measured: dict[str, float | int | str] = {}


class Check(Model):
    """A question asked of a history. Subclasses are found by name (`CHECKS`)."""

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
                f"{cls.__module__}.{cls.__qualname__}: the check {name!r} is there already, as "
                f"{other.__module__}.{other.__qualname__}; give this one another name"
            )
        if name:
            CHECKS[name] = cls

    @abstractmethod
    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""

    def passed(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """A verdict of `pass`."""
        return self._verdict("pass", reason, evidence, measured)

    def failed(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """A verdict of `fail`."""
        return self._verdict("fail", reason, evidence, measured)

    def unclear(
        self, reason: str, evidence: tuple[int, ...] = (), **measured: float | str
    ) -> Verdict:
        """A verdict of `inconclusive`."""
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
"""Every check known, by name. A stack's own come in when its `checks` modules are imported."""
