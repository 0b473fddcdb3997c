"""Do autogates close without the data center, and do counters take over? (Invariant 3.)

An autogate that cannot ask the data center must not open. A traveller whom it turns away must be
served at a counter; the crossing id shows that it is the same traveller. Each injection of a
flapping fault counts by itself, from its verification until its healing begins.
"""

from pydantic import Field

from harness.checks import (
    Check,
    Services,
    Steps,
    Verdict,
    as_evidence,
    combined_outage,
    count_text,
    duration_text,
    heal_start,
    list_text,
    outages,
    too_few_text,
    wall_seconds,
)
from harness.history import Ended, History, Request
from harness.scenario import Duration

from ._travellers import crossing_of, is_admitted, requests_to


class GatesFailClosed(Check, name="gates_fail_closed"):
    """Passes if no autogate admits from `within` after a cut until its heal, and counters serve.

    Fails if an autogate admits, or if a traveller it turned away is never served at a counter.

    Measured (numbers of requests at autogates during the cut):
        tried: all of them.
        opened: admitted; must be 0.
        diverted: not admitted.
        served: of the diverted, served at a counter; higher is better.
        unserved: of the diverted, refused at every counter; must be 0.
        never_came: of the diverted, not seen at a counter; makes the check inconclusive.
    """

    within: Duration = Field(description="Most time that the autogates may take to close.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")
    gates: Services = Field(default=(), description="Autogates that are cut off; all if empty.")
    min_diverted: int = Field(
        default=1, ge=1, description="Fewer diverted travellers are inconclusive."
    )

    def judge(self, history: History) -> Verdict:
        """Look at the answers of autogates during the cut, then for each traveller at a counter."""
        problem = combined_outage(history, self.step)
        if isinstance(problem, str):
            return self.inconclusive(problem)
        grace = wall_seconds(history, self.within)
        cuts = [
            (span.start + grace, history.end if end is None else end)
            for outage in outages(history, self.step)
            for span in outage.spans
            for end in (heal_start(span),)
        ]
        tried = [
            request
            for request in requests_to(history, "autogate-")
            if (not self.gates or request.invoke.service in self.gates)
            and any(begin < request.invoke.t < end for begin, end in cuts)
        ]
        opened = [r for r in tried if is_admitted(r) and any(_is_during(r, cut) for cut in cuts)]
        diverted = [request for request in tried if not is_admitted(request)]
        measured: dict[str, float] = {"tried": len(tried), "opened": len(opened)}
        measured["diverted"] = len(diverted)
        if opened:
            return self.failed(
                f"{count_text(len(opened), 'traveller')} admitted by an autogate more than "
                f"{duration_text(self.within)} after it was cut off ({_crossings(opened)})",
                as_evidence(i for request in opened for i in request.events),
                **measured,
            )
        too_few = too_few_text(
            len(diverted), self.min_diverted, "traveller", "turned away by an autogate in the cut"
        )
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        return self._judge_counters(history, diverted, measured)

    def _judge_counters(
        self, history: History, diverted: list[Request], measured: dict[str, float]
    ) -> Verdict:
        visits: dict[str, list[Request]] = {}
        for request in requests_to(history, "counter-"):
            visits.setdefault(crossing_of(request) or "", []).append(request)
        unserved, absent, served = [], [], 0
        for request in diverted:
            own = visits.get(crossing_of(request) or "", [])
            if any(visit.outcome == "ok" for visit in own):
                served += 1
            elif own:
                unserved.append(request)
            else:
                absent.append(request)
        measured |= {"served": served, "unserved": len(unserved), "never_came": len(absent)}
        evidence = as_evidence(i for request in [*unserved, *absent] for i in request.events)
        if unserved and next(history.of(Ended), None) is not None:
            travellers = count_text(len(unserved), "traveller")
            return self.failed(
                f"{travellers} turned away by an autogate and never served at a counter "
                f"({_crossings(unserved)})",
                evidence,
                **measured,
            )
        if unserved or absent:
            travellers = count_text(len(unserved) + len(absent), "traveller")
            reason = f"{travellers} turned away by an autogate without a completed counter visit"
            return self.inconclusive(reason, evidence, **measured)
        return self.passed(
            f"no autogate opened; all of {count_text(served, 'traveller')} turned away were served "
            "at a counter",
            (),
            **measured,
        )


def _crossings(requests: list[Request]) -> str:
    return list_text((crossing_of(request) or request.invoke.id for request in requests), 3)


def _is_during(request: Request, cut: tuple[float, float]) -> bool:
    """Return True if the request was sent and answered within the same injection."""
    done = request.completion
    return done is not None and cut[0] < request.invoke.t and done.t < cut[1]
