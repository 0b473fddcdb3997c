"""Was the system tested at all: did every fault take effect, and was every fault healed?

A fault that was not verified makes everything else that the run shows worthless, so it is
`inconclusive`. So is one that was lost: something other than the harness ended it early. A fault
that was not healed is a `fail` and is reported first: the stack has to be cleaned up.
"""

from pydantic import Field

from harness.history import Ended, FaultSpan, History

from ._check import Check, Verdict, as_evidence
from ._durations import measured_duration
from ._named import Steps
from ._outage import is_verified, lost_at, was_injected
from ._text import count_text, list_text


class FaultsBite(Check, name="faults_bite"):
    """Passes if every injection of `steps` was verified, and healed by the end of the run.

    Fails if a fault was left in place; inconclusive if one never began, was not verified, or was
    lost before its healing.

    Measured:
        injections: injections asked for, number.
        verified: those that probes saw take effect, number; should equal `injections`.
        healed: those that probes saw gone, number; should equal `injections`.
        slowest_bite_life_s, slowest_bite_real_s: longest time from asking for an injection to
            its verification, in scenario and wall-clock seconds; lower is better.
    """

    steps: Steps = Field(
        default=(), description="Fault steps that must have begun; those that did if empty."
    )

    def judge(self, history: History) -> Verdict:
        """Look at the last state of every injection."""
        spans = [s for s in history.faults if not self.steps or s.first.step in self.steps]
        ended = next(history.of(Ended), None) is not None
        left = [s for s in spans if _is_left_behind(s, run_ended=ended)]
        unverified = [s for s in spans if not is_verified(s)]
        lost = [s for s in spans if lost_at(s) is not None]
        unhealed = [s for s in spans if s.end is None]
        measured: dict[str, float] = {
            "injections": len(spans),
            "verified": len(spans) - len(unverified),
            "healed": len(spans) - len(unhealed),
        }
        if left:
            reason = (
                f"NOT HEALED, clean up the stack with `harness heal`: {_text(left, 'unhealed')}"
            )
            return self.failed(reason, _events(left), **measured)
        never = [step for step in self.steps if step not in {s.first.step for s in spans}]
        if never:
            reason = f"{count_text(len(never), 'step')} never began: {list_text(never)}"
            return self.inconclusive(reason, (), **measured)
        if not spans:
            return self.inconclusive("no fault was injected, so nothing was tested", (), **measured)
        for members, state, what in (
            (unverified, "unverified", f"{count_text(len(unverified), 'injection')} not verified"),
            (lost, "lost", f"{count_text(len(lost), 'injection')} lost"),
            (unhealed, "", "the run was cut short before a fault was healed"),
        ):
            if members:
                reason = f"{what}: {_text(members, state)}"
                return self.inconclusive(reason, _events(members), **measured)
        slowest = max(_seconds_to_verify(span) for span in spans)
        measured |= measured_duration(history, "slowest_bite", slowest)
        return self.passed(
            f"{count_text(len(spans), 'injection')} verified and healed",
            _events(spans),
            **measured,
        )


def _is_left_behind(span: FaultSpan, *, run_ended: bool) -> bool:
    if span.end is not None or not (was_injected(span) or span.at("unhealed") is not None):
        return False
    return run_ended or span.at("unhealed") is not None


def _seconds_to_verify(span: FaultSpan) -> float:
    return span.start - span.first.t


def _text(spans: list[FaultSpan], deciding: str) -> str:
    """Return each step once: its fault, its targets and the detail of the state `deciding`."""
    texts: dict[str, str] = {}
    for span in spans:
        text = f"{span.first.step} ({span.first.fault} on {list_text(span.first.targets)})"
        event = next((event for event in span.events if event.state == deciding), None)
        if event is not None and deciding == "lost":
            text = f"{text} at {event.t:.1f} s of the run"
        texts.setdefault(
            span.first.step, f"{text}: {event.detail}" if event and event.detail else text
        )
    return list_text(texts.values())


def _events(spans: list[FaultSpan]) -> tuple[int, ...]:
    return as_evidence(event.index for span in spans for event in span.events)
