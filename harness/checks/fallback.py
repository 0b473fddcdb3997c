"""Did the services fall back in time, stay in their fallback, and go on serving from it?

Each of the steps is an outage of its own. The clock starts when the fault was seen to bite and
the obligation ends when it began to be taken back. Between two bites of a flapping fault nothing
is broken, so that whoever is back to automatic then has kept the promise, and has `within` anew
once the fault bites again. So has a process that is started while it bites: it has to find out.
"""

from pydantic import Field

from harness.history import History, Node, Span
from harness.scenario import Duration, Model

from ._check import Check, Verdict
from ._match import Fields, Names, heard_of, matches, select
from ._outage import Outage, lifted, outages, whole
from ._words import both, count, duration, listed, proof, real, took


class Serving(Model):
    """Answers that show that the fallback serves."""

    ops: Names
    when: Fields = Field(default={}, description="Fields of the answer, e.g. {path: manual}.")
    min_ok: int = Field(default=1, ge=1)


class Fallback(Check, name="fallback"):
    """Within `within` of the fault all `services` are in `mode`, and stay out of automatic."""

    services: Names = Field(min_length=1, description="Who must fall back.")
    within: Duration = Field(description="How long they may take from the fault's bite.")
    mode: str = "manual"
    step: Names = Field(default=(), description="Fault steps; without any, all.")
    serving: Serving | None = None

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        usable = whole(history, self.step)
        if isinstance(usable, str):
            return self.unclear(usable)
        mute = set(self.services) - set(heard_of(history, self.services))
        if mute:
            return self.unclear(f"the history never mentions {listed(sorted(mute))}")
        found = [self._one(history, outage) for outage in outages(history, self.step)]
        for result in ("fail", "inconclusive"):
            for verdict in found:
                if verdict.result == result:
                    return verdict
        # The slowest of several outages is the one worth showing.
        return max(found, key=lambda verdict: float(verdict.measured["slowest_real_s"]))

    def _one(self, history: History, outage: Outage) -> Verdict:
        until = history.end if outage.lifting is None else outage.lifting
        deadline = outage.start + real(history, self.within)
        slowest, evidence = 0.0, list(outage.events[:2])
        for service in self.services:
            spans = [s for s in history.modes(service) if s.end >= outage.start and s.start < until]
            entered = next((s for s in spans if s.value == self.mode), None)
            late = 0.0 if entered is None else max(0.0, entered.start - outage.start)
            if entered is None or entered.start > deadline:
                if until < deadline:
                    limit = duration(self.within)
                    reason = f"{outage.label} lasted less than the {limit} that {service} may take"
                    return self.unclear(reason, proof(evidence))
                found = "not at all" if entered is None else f"only after {took(history, late)}"
                return self.failed(
                    f"{service} went {self.mode} {found}, where {duration(self.within)} are "
                    f"allowed after {outage.label}",
                    proof([*(s.index for s in spans), *evidence]),
                    **both(history, "slowest", late),
                )
            slowest = max(slowest, late)
            evidence.append(entered.index)
            back = [s for s in spans if s.start > entered.start and s.value == "automatic"]
            for span in back:
                broken = self._broken(history, outage, span)
                if broken:
                    return self.failed(
                        f"{service} {broken}",
                        proof([span.index, *evidence]),
                        **both(history, "slowest", slowest),
                    )
        return self._served(history, outage, until, slowest, evidence)

    def _broken(self, history: History, outage: Outage, automatic: Span) -> str:
        """How a service that is automatic after its fallback breaks the promise; empty if not."""
        fresh = any(node.index == automatic.index for node in history.of(Node))
        for fault in outage.spans:
            until = lifted(fault)
            until = history.end if until is None else until
            if fault.start < automatic.start < until and not fresh:
                after = took(history, automatic.start - outage.start)
                return (
                    f"went back to automatic {after} into {outage.label}, "
                    "before the fault was taken back"
                )
            deadline = max(fault.start, automatic.start) + real(history, self.within)
            if deadline < min(until, automatic.end):
                again = "it was started again" if fresh else f"{outage.label} bit again"
                return (
                    f"was automatic for more than the {duration(self.within)} that are allowed "
                    f"after {again}"
                )
        return ""

    def _served(
        self, history: History, outage: Outage, until: float, slowest: float, evidence: list[int]
    ) -> Verdict:
        measured = both(history, "slowest", slowest)
        reason = (
            f"{count(len(self.services), 'service')} {self.mode} within "
            f"{took(history, slowest)} of {outage.label}"
        )
        if self.serving is None:
            return self.passed(reason, proof(evidence), **measured)
        wanted = self.serving
        asked = [
            request
            for request in select(history, wanted.ops)
            if request.invoke.t >= outage.start
            and (request.invoke.t if request.completion is None else request.completion.t) <= until
        ]
        good = [r for r in asked if r.outcome == "ok" and matches(r.value, wanted.when)]
        measured |= {"asked": len(asked), "served": len(good)}
        if len(good) >= wanted.min_ok:
            reason += f"; {count(len(good), 'request')} served meanwhile"
            return self.passed(reason, proof(evidence), **measured)
        if len(asked) < wanted.min_ok:
            reason = f"only {count(len(asked), 'request')} came in during {outage.label}"
            return self.unclear(f"{reason}, too few to tell", (), **measured)
        bad = [r for r in asked if r not in good]
        return self.failed(
            f"only {len(good)} of {count(len(asked), 'request')} were served during "
            f"{outage.label}, where at least {wanted.min_ok} are promised",
            proof(i for r in bad for i in r.events),
            **measured,
        )
