"""Was the system put to the test at all? Every fault was seen to bite, and to be gone again.

A fault that was not seen to bite makes everything else that the run shows worthless, so it is
`inconclusive`. A fault that was left behind is a `fail` and said before anything else: whoever
reads it has a stack to clean up.
"""

from pydantic import Field

from harness.history import Ended, FaultSpan, History

from ._check import Check, Verdict
from ._match import Names
from ._outage import injected, verified
from ._words import both, count, listed, proof


class FaultsBite(Check, name="faults_bite"):
    """Every injection of `steps` was verified, and healed by the end of the run."""

    steps: Names = Field(
        default=(), description="Labels that must have happened; without any, those that did."
    )

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        spans = [s for s in history.faults if not self.steps or s.first.step in self.steps]
        ended = next(history.of(Ended), None) is not None
        left = [s for s in spans if _left_behind(s, ended)]
        idle = [s for s in spans if not verified(s)]
        lasting = [s for s in spans if s.end is None]
        measured: dict[str, float] = {
            "injections": len(spans),
            "verified": len(spans) - len(idle),
            "healed": len(spans) - len(lasting),
        }
        if left:
            reason = f"NOT HEALED, the stack needs cleaning up (harness heal): {_stories(left)}"
            return self.failed(reason, _events(left), **measured)
        never = [step for step in self.steps if step not in {s.first.step for s in spans}]
        if never:
            reason = f"{count(len(never), 'step')} never began: {listed(never)}"
            return self.unclear(reason, (), **measured)
        if not spans:
            return self.unclear("no fault was injected, so nothing was tested", (), **measured)
        if idle:
            reason = f"{count(len(idle), 'injection')} not seen to bite: {_stories(idle)}"
            return self.unclear(reason, _events(idle), **measured)
        if lasting:
            reason = f"the run was cut short before a fault was healed: {_stories(lasting)}"
            return self.unclear(reason, _events(lasting), **measured)
        slow = max(spans, key=_bite)
        measured |= both(history, "slowest_bite", _bite(slow))
        return self.passed(
            f"{count(len(spans), 'injection')} seen to bite and seen to be gone again",
            _events(spans),
            **measured,
        )


def _left_behind(span: FaultSpan, ended: bool) -> bool:
    if span.end is not None or not (injected(span) or span.at("unhealed") is not None):
        return False
    return ended or span.at("unhealed") is not None


def _bite(span: FaultSpan) -> float:
    return span.start - span.first.t


def _stories(spans: list[FaultSpan]) -> str:
    """Each fault once with what was said about it last."""
    told = {span.first.step: _story(span) for span in spans}
    return listed(told.values())


def _story(span: FaultSpan) -> str:
    detail = next((event.detail for event in reversed(span.events) if event.detail), "")
    told = f"{span.first.step} ({span.first.fault} on {listed(span.first.targets)})"
    return f"{told}: {detail}" if detail else told


def _events(spans: list[FaultSpan]) -> tuple[int, ...]:
    return proof(event.index for span in spans for event in span.events)
