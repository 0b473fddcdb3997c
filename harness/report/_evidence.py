"""A run's evidence as every format needs it, gathered once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.checks import Verdict, worst
from harness.errors import ExitCode
from harness.history import AnyEvent, History
from harness.scenario import Scenario

from ._series import Series, begun
from ._story import Moment, tell_story
from ._times import Times


@dataclass(frozen=True)
class Evidence:
    """What there is to tell."""

    history: History
    scenario: Scenario
    stack: Mapping[str, Any]
    verdicts: Sequence[Verdict]
    problems: Sequence[str]
    exit_code: ExitCode

    @cached_property
    def series(self) -> Series:
        """The curves and spans of the charts."""
        return Series(self.history)

    @cached_property
    def times(self) -> Times:
        """How moments are written."""
        return Times(self.history, dated=self.scenario.origin is not None)

    @cached_property
    def story(self) -> list[Moment]:
        """The moments of the run."""
        return tell_story(self.history, self.series, self.times)

    @property
    def result(self) -> str:
        """`pass`, `fail` or `inconclusive`, errors beside the verdicts included."""
        if self.exit_code in (ExitCode.FAIL, ExitCode.UNHEALED, ExitCode.BROKEN):
            return "fail"
        return "pass" if self.exit_code is ExitCode.PASS else "inconclusive"

    @property
    def headline(self) -> str:
        """The result in a few words."""
        count = len(self.verdicts)
        passed = sum(verdict.result == "pass" for verdict in self.verdicts)
        match self.exit_code:
            case ExitCode.PASS:
                return f"Held: all {count} expectations"
            case ExitCode.UNHEALED:
                return "A fault could not be taken back"
            case ExitCode.BROKEN:
                return "The stack or the harness failed"
            case ExitCode.FAIL:
                return f"Did not hold: {count - passed} of {count} expectations not met"
        reason = "inconclusive" if worst(self.verdicts) == "inconclusive" else "cut short"
        return f"Proves nothing yet: {reason}, {passed} of {count} expectations met"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Figures for the top: value and what it is."""
        requests = self.history.requests
        actors = {request.invoke.actor for request in requests}
        unknown = sum(request.outcome == "unknown" for request in requests)
        facts = [
            (f"{len(actors):,}", "arrived, on their own schedule"),
            (f"{len(requests):,}", "requests, every one recorded"),
            (f"{unknown:,}", "of them with unknown outcome"),
        ]
        spans = [span for span in self.history.faults if span.end is not None]
        if spans:
            length = max(span.end or 0.0 for span in spans) - min(begun(span) for span in spans)
            facts.append((self.times.length(length), "from the first fault to the last repair"))
        most = max((max(c.values) for c in self.series.gauge("waiting")), default=0)
        if most > 1:
            facts.append((f"{most:.0f}", "waiting at once, where it was worst"))
        if self.series.notices:
            facts.append((str(len(self.series.notices)), "notices to the public"))
        return facts

    def shown(self, indexes: Sequence[int]) -> list[AnyEvent]:
        """The events that a verdict names."""
        events = self.history.events
        return [events[index] for index in indexes if 0 <= index < len(events)]
