"""The evidence of a run in the form that all report formats need, derived once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.checks import Verdict, worst
from harness.errors import ExitCode
from harness.history import AnyEvent, History
from harness.scenario import Scenario

from ._narrative import Moment, narrate
from ._series import Series, injected_at
from ._times import Times


@dataclass(frozen=True)
class Evidence:
    """The input of the reports, with what is derived from it."""

    history: History
    scenario: Scenario
    stack: Mapping[str, Any]
    verdicts: Sequence[Verdict]
    problems: Sequence[str]
    exit_code: ExitCode

    @cached_property
    def series(self) -> Series:
        """Return the curves and spans of the charts."""
        return Series(self.history)

    @cached_property
    def times(self) -> Times:
        """Return how times are written: with dates if the scenario has an origin."""
        return Times(self.history, dated=self.scenario.origin is not None)

    @cached_property
    def narrative(self) -> list[Moment]:
        """Return the important moments of the run, in order of time."""
        return narrate(self.history, self.series, self.times)

    @property
    def result(self) -> str:
        """Return `pass`, `fail` or `inconclusive`; an error of the harness counts as `fail`."""
        if self.exit_code in (ExitCode.FAIL, ExitCode.UNHEALED, ExitCode.BROKEN):
            return "fail"
        return "pass" if self.exit_code is ExitCode.PASS else "inconclusive"

    @property
    def headline(self) -> str:
        """Return the result in a few words."""
        count = len(self.verdicts)
        passed = sum(verdict.result == "pass" for verdict in self.verdicts)
        match self.exit_code:
            case ExitCode.PASS:
                return f"Passed: all {count} expectations met"
            case ExitCode.UNHEALED:
                return "A fault could not be healed"
            case ExitCode.BROKEN:
                return "The stack or the harness failed"
            case ExitCode.FAIL:
                return f"Failed: {count - passed} of {count} expectations not met"
        reason = "no proof" if worst(self.verdicts) == "inconclusive" else "cut short"
        return f"Inconclusive: {reason}, {passed} of {count} expectations met"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return key figures for the top of the page: value and label."""
        requests = self.history.requests
        actors = {request.invoke.actor for request in requests}
        unknown = sum(request.outcome == "unknown" for request in requests)
        facts = [
            (f"{len(actors):,}", "users, arriving on their own schedule"),
            (f"{len(requests):,}", "requests, all recorded"),
            (f"{unknown:,}", "requests with unknown outcome"),
        ]
        spans = [span for span in self.history.faults if span.end is not None]
        if spans:
            length = max(span.end or 0.0 for span in spans) - min(map(injected_at, spans))
            facts.append((self.times.length(length), "from the first fault until all were healed"))
        most = max((max(c.values) for c in self.series.gauge("waiting")), default=0)
        if most > 1:
            facts.append((f"{most:.0f}", "waiting at most, at one service"))
        if self.series.notices:
            facts.append((str(len(self.series.notices)), "notices published"))
        return facts

    def events(self, indexes: Sequence[int]) -> list[AnyEvent]:
        """Return the events with these indexes, such as the evidence of a verdict."""
        events = self.history.events
        return [events[index] for index in indexes if 0 <= index < len(events)]
