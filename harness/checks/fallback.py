"""Do the services fall back in time, stay in their fallback, and keep serving from it?

Each step is an outage of its own. Time counts from the verification of the fault, and the
obligation ends when its healing begins. Between two injections of a flapping fault nothing is
broken: a service that is back to automatic then has kept the promise, and has `within` again once
the next injection is verified. So has a process that starts during the fault, because it has to
detect the fault first.
"""

from pydantic import Field

from harness.history import History, Node, Span
from harness.scenario import Duration, Model

from ._check import Check, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, measured_duration, wall_seconds
from ._match import Fields, Names, matches, select_requests, unknown_modes_text
from ._named import Services, Steps
from ._outage import Outage, combined_outage, heal_start, outages
from ._text import count_text, too_few_text


class Serving(Model):
    """Answers that prove that the fallback serves its users."""

    ops: Names
    when: Fields = Field(default={}, description="Fields of such an answer, as in {path: manual}.")
    min_ok: int = Field(default=1, ge=1, description="Fewest such answers during the fault.")


class Fallback(Check, name="fallback"):
    """Passes if all `services` are in `mode` within `within` of the fault, and stay in fallback.

    Fails if one is late, returns to automatic during the fault, or if `serving` is not met;
    inconclusive if one never logged a mode.

    Measured:
        slowest_life_s, slowest_real_s: time from the fault until the last service was in `mode`,
            in scenario and wall-clock seconds; lower is better.
        asked: requests of `serving` during the fault, number; only with `serving`.
        served: those with a matching answer, number; higher is better; only with `serving`.
    """

    services: Services = Field(min_length=1, description="Services that must fall back.")
    within: Duration = Field(description="Most time from the fault's verification.")
    mode: str = Field(default="manual", description="Mode that they must enter.")
    step: Steps = Field(default=(), description="Fault steps that are judged; all if empty.")
    serving: Serving | None = Field(
        default=None, description="Answers that the fallback must give during the fault."
    )

    def judge(self, history: History) -> Verdict:
        """Judge each outage by itself; return the worst verdict, or that of the slowest outage."""
        outage = combined_outage(history, self.step)
        if isinstance(outage, str):
            return self.inconclusive(outage)
        if unknown := unknown_modes_text(history, self.services):
            return self.inconclusive(unknown)
        verdicts = [self._judge_outage(history, outage) for outage in outages(history, self.step)]
        for result in ("fail", "inconclusive"):
            for verdict in verdicts:
                if verdict.result == result:
                    return verdict
        return max(verdicts, key=lambda verdict: float(verdict.measured["slowest_real_s"]))

    def _judge_outage(self, history: History, outage: Outage) -> Verdict:
        until = history.end if outage.heal_start is None else outage.heal_start
        deadline = outage.start + wall_seconds(history, self.within)
        slowest, evidence = 0.0, list(outage.events[:2])
        limit = duration_text(self.within)
        for service in self.services:
            spans = [s for s in history.modes(service) if s.end >= outage.start and s.start < until]
            entered = next((s for s in spans if s.value == self.mode), None)
            late = 0.0 if entered is None else max(0.0, entered.start - outage.start)
            if entered is None or entered.start > deadline:
                if until < deadline:
                    reason = f"{outage.label} was shorter than the {limit} allowed to {service}"
                    return self.inconclusive(reason, as_evidence(evidence))
                reason = (
                    f"{service} never went {self.mode}"
                    if entered is None
                    else f"{service} went {self.mode} only after {elapsed_text(history, late)}"
                )
                return self.failed(
                    f"{reason}, where {limit} are allowed after {outage.label}",
                    as_evidence([*(s.index for s in spans), *evidence]),
                    **measured_duration(history, "slowest", late),
                )
            slowest = max(slowest, late)
            evidence.append(entered.index)
            back = [s for s in spans if s.start > entered.start and s.value == "automatic"]
            for span in back:
                problem = self._automatic_problem(history, outage, span)
                if problem:
                    return self.failed(
                        f"{service} {problem}",
                        as_evidence([span.index, *evidence]),
                        **measured_duration(history, "slowest", slowest),
                    )
        return self._judge_serving(history, outage, until, slowest, evidence)

    def _automatic_problem(self, history: History, outage: Outage, automatic: Span) -> str:
        """Return how a service that is automatic after its fallback violates it; empty if not."""
        restarted = any(node.index == automatic.index for node in history.of(Node))
        for fault in outage.spans:
            until = heal_start(fault)
            until = history.end if until is None else until
            if fault.start < automatic.start < until and not restarted:
                after = elapsed_text(history, automatic.start - outage.start)
                return f"went back to automatic {after} into {outage.label}, before the heal"
            deadline = max(fault.start, automatic.start) + wall_seconds(history, self.within)
            if deadline < min(until, automatic.end):
                since = "its restart" if restarted else f"{outage.label} was injected again"
                return f"was automatic for more than {duration_text(self.within)} after {since}"
        return ""

    def _judge_serving(
        self, history: History, outage: Outage, until: float, slowest: float, evidence: list[int]
    ) -> Verdict:
        measured = measured_duration(history, "slowest", slowest)
        reason = (
            f"{count_text(len(self.services), 'service')} {self.mode} within "
            f"{elapsed_text(history, slowest)} of {outage.label}"
        )
        if self.serving is None:
            return self.passed(reason, as_evidence(evidence), **measured)
        serving = self.serving
        requests = [
            request
            for request in select_requests(history, serving.ops)
            if request.invoke.t >= outage.start
            and (request.invoke.t if request.completion is None else request.completion.t) <= until
        ]
        served = [r for r in requests if r.outcome == "ok" and matches(r.value, serving.when)]
        measured |= {"asked": len(requests), "served": len(served)}
        if len(served) >= serving.min_ok:
            reason += f"; {count_text(len(served), 'request')} served during the fault"
            return self.passed(reason, as_evidence(evidence), **measured)
        too_few = too_few_text(len(requests), serving.min_ok, "request", f"during {outage.label}")
        if too_few:
            return self.inconclusive(too_few, (), **measured)
        return self.failed(
            f"only {len(served)} of {count_text(len(requests), 'request')} were served during "
            f"{outage.label}, where at least {serving.min_ok} are required",
            as_evidence(i for r in requests if r not in served for i in r.events),
            **measured,
        )
