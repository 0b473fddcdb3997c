"""Did the autogates close when the center was gone, and did counters take over? (Invariant 3.)

A gate that cannot ask must not open. Whoever it turns away has to be seen at a counter; the
crossing's id tells that it is the same traveller. Each injection of a flapping fault counts by
itself, from when it was seen to bite until it began to be taken back.
"""

from pydantic import Field

from harness.checks import (
    Check,
    Names,
    Verdict,
    count,
    duration,
    lifted,
    listed,
    outages,
    proof,
    real,
    whole,
)
from harness.history import Ended, History, Request
from harness.scenario import Duration

from ._travellers import admitted, at, crossing


class GatesFailClosed(Check, name="gates_fail_closed"):
    """From `within` after a cut until its heal no autogate admits, and counters serve instead."""

    within: Duration = Field(description="How long the gates may take to close.")
    step: Names = Field(default=(), description="Fault steps; without any, all.")
    gates: Names = Field(default=(), description="Gates that are cut off; without any, all.")
    min_diverted: int = Field(default=1, ge=1)

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        usable = whole(history, self.step)
        if isinstance(usable, str):
            return self.unclear(usable)
        grace = real(history, self.within)
        blind = [
            (span.start + grace, history.end if end is None else end)
            for outage in outages(history, self.step)
            for span in outage.spans
            for end in (lifted(span),)
        ]
        tried = [
            request
            for request in at(history, "autogate-")
            if (not self.gates or request.invoke.service in self.gates)
            and any(begin < request.invoke.t < end for begin, end in blind)
        ]
        opened = [r for r in tried if admitted(r) and any(_within(r, cut) for cut in blind)]
        diverted = [request for request in tried if not admitted(request)]
        measured: dict[str, float] = {"tried": len(tried), "opened": len(opened)}
        measured["diverted"] = len(diverted)
        if opened:
            names = listed((crossing(request) or request.invoke.id for request in opened), 3)
            return self.failed(
                f"{count(len(opened), 'traveller')} admitted by an autogate more than "
                f"{duration(self.within)} after it was cut off ({names})",
                proof(i for request in opened for i in request.events),
                **measured,
            )
        if len(diverted) < self.min_diverted:
            reason = f"only {count(len(diverted), 'traveller')} came to a gate during the cut"
            return self.unclear(f"{reason}, too few to tell", (), **measured)
        return self._served(history, diverted, measured)

    def _served(
        self, history: History, diverted: list[Request], measured: dict[str, float]
    ) -> Verdict:
        counters: dict[str, list[Request]] = {}
        for request in at(history, "counter-"):
            counters.setdefault(crossing(request) or "", []).append(request)
        waiting, absent, served = [], [], 0
        for request in diverted:
            visits = counters.get(crossing(request) or "", [])
            if any(visit.outcome == "ok" for visit in visits):
                served += 1
            elif visits:
                waiting.append(request)
            else:
                absent.append(request)
        measured |= {"served": served, "unserved": len(waiting), "never_came": len(absent)}
        names = listed((crossing(request) or request.invoke.id for request in waiting), 3)
        evidence = proof(i for request in [*waiting, *absent] for i in request.events)
        if waiting and next(history.of(Ended), None) is not None:
            reason = f"{count(len(waiting), 'traveller')} turned away by a gate never served"
            return self.failed(f"{reason} at a counter ({names})", evidence, **measured)
        if waiting or absent:
            rest = count(len(waiting) + len(absent), "traveller")
            reason = f"{rest} turned away by a gate were not seen through to a counter"
            return self.unclear(reason, evidence, **measured)
        return self.passed(
            f"no autogate opened; all of {count(served, 'traveller')} it turned away were served "
            "at a counter",
            (),
            **measured,
        )


def _within(request: Request, cut: tuple[float, float]) -> bool:
    """Asked and answered under one and the same injection, so no answer from before or after."""
    done = request.completion
    return done is not None and cut[0] < request.invoke.t and done.t < cut[1]
