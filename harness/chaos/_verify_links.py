"""Verify that a link fault is in effect, and that it has been healed.

Each link gets two probes at the same time: one via the link, and a direct one to its target. The
fault must show in the first and only there. One more link that the fault is not on, the
reference, must behave as before.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from harness.clock import Clock
from harness.errors import HarnessError

from ._active_links import ActiveLinkFaults
from ._active_nodes import ActiveNodeFaults
from ._fault_type import LinkFault
from ._finding import HEAL_TIMEOUT, VERIFY_TIMEOUT, Finding, repeat_check, summary
from ._probe import Results
from ._probe_protocol import ProbeOptions
from ._prober import Endpoint, Prober, Reference, options_for_answer
from ._timing import Timing
from .probes import protocol_of

_Judge = Callable[[LinkFault, str, Results, Results], str]
"""Called with fault type, link, results via the link and direct results; returns a problem."""


class LinkVerifier:
    """Probes links to verify faults, and knows which other faults of this run affect them."""

    def __init__(
        self,
        prober: Prober,
        timing: Timing,
        clock: Clock,
        *,
        active_links: ActiveLinkFaults,
        active_nodes: ActiveNodeFaults,
    ) -> None:
        self._prober = prober
        self._timing = timing
        self._clock = clock
        self._active_links = active_links
        self._node_state = active_nodes.node_state

    def choose_reference(
        self, fault_type: LinkFault, links: Collection[str], draw_key: str
    ) -> Reference | None:
        """Return a link that the fault does not affect, preferably to the same target."""
        spec = self._prober.stack.spec
        targets = {spec.links[link].target for link in links}
        unaffected = [
            link
            for link in spec.links.values()
            if link.name not in links
            and not self._active_links.owners(link.name)
            and not self._node_state(link.target)
        ]
        answering = [
            link for link in unaffected if not protocol_of(spec.services[link.target]).may_be_silent
        ]
        candidates = [link for link in answering if link.target in targets] or answering
        endpoints = [self._prober.link(link.name) for link in candidates]
        options = fault_type.probe_options(self._timing)
        return self._prober.choose_reference(endpoints, options, draw_key)

    def verify_injected(
        self,
        fault_type: LinkFault,
        links: Sequence[str],
        reference: Reference | None,
        fault_id: str,
    ) -> Finding:
        """Verify that the fault shows on every link, and not on the reference."""

        def judge(fault_type: LinkFault, link: str, via_link: Results, direct: Results) -> str:
            return self._missing_fault(fault_type, link, via_link, direct, fault_id)

        problems = self._check(fault_type, links, VERIFY_TIMEOUT, judge)
        if problems:
            return Finding(False, summary(problems))
        problem = self._reference_problem(fault_type, reference)
        if problem:
            return Finding(False, problem)
        return Finding(
            True,
            f"{_name_or_count(links)} {fault_type.expected_result(self._timing)}; "
            f"{self._target_text(links)}"
            + (f"; {reference.endpoint.name} is as before" if reference else ""),
        )

    def verify_healed(self, fault_type: LinkFault, links: Sequence[str]) -> Finding:
        """Verify that no link shows the fault; links with another active fault are left out."""
        free = [link for link in links if not self._active_links.owners(link)]
        problems = self._check(fault_type, free, HEAL_TIMEOUT, self._remaining_fault)
        if problems:
            return Finding(False, summary(problems))
        others = len(links) - len(free)
        more = f"; {others} still under another fault" if others else ""
        text = f"{_name_or_count(free)} as good as direct" if free else "no link to probe"
        return Finding(True, f"{text}{more}")

    def _check(
        self, fault_type: LinkFault, links: Sequence[str], timeout: float, judge: _Judge
    ) -> list[str]:
        def check(pending: Sequence[str], attempt: int) -> dict[str, str]:
            # Each attempt waits longer: the machine may be too busy for the first time-out.
            options = fault_type.probe_options(self._timing)
            longer = replace(options, timeout=options.timeout * attempt)
            return self._probe_and_judge(fault_type, pending, longer, judge)

        return repeat_check(check, links, timeout, self._clock)

    def _probe_and_judge(
        self, fault_type: LinkFault, links: Sequence[str], options: ProbeOptions, judge: _Judge
    ) -> dict[str, str]:
        problems: dict[str, str] = {}
        pairs: dict[str, tuple[Endpoint, Endpoint]] = {}
        for link in links:
            try:
                near_end, target = self._prober.link(link), self._prober.link_target(link)
            except HarnessError as error:
                problems[link] = f"{link}: {error}"
                continue
            if target is None:
                problems[link] = f"{link}: its target has no address that bypasses the link"
            else:
                pairs[link] = near_end, target
        probes = [(near_end, options) for near_end, _ in pairs.values()]
        for _, target in pairs.values():
            is_down = bool(self._node_state(target.name))
            probes.append((target, options_for_answer(target, options, is_down=is_down)))
        results = self._prober.probe_all(probes, fault_type.probe_count)
        for link, (near_end, target) in pairs.items():
            problem = judge(fault_type, link, results[near_end.address], results[target.address])
            if problem:
                problems[link] = f"{link}: {problem}"
        return problems

    def _missing_fault(
        self, fault_type: LinkFault, link: str, via_link: Results, direct: Results, fault_id: str
    ) -> str:
        """Return why the fault is not confirmed on `link`; empty if it is."""
        target = self._prober.stack.spec.links[link].target
        state = self._node_state(target)
        if state and not fault_type.disables_proxy:
            # Another step of this run took the target down, and no probe can tell this fault from
            # that. To call it unverified would be wrong, though, if the proxy lists its toxics.
            listed = self._active_links.is_listed(fault_id, link)
            return "" if listed else f"toxiproxy does not list it, and {target} is {state}"
        if not state and not self._is_target_alive(link, direct):
            return f"{target} itself is {_text(direct)}, so the fault cannot be distinguished"
        if fault_type.shows_in(self._timing, via_link, direct):
            return ""
        others = set(self._active_links.owners(link)) - {fault_id}
        also = "; other faults of this run are on it" if others else ""
        expected = fault_type.expected_result(self._timing)
        return f"{_text(via_link)}, where it should be {expected} (direct: {_text(direct)}{also})"

    def _remaining_fault(
        self, fault_type: LinkFault, link: str, via_link: Results, direct: Results
    ) -> str:
        """Return why `link` does not count as healed; empty if it does."""
        if self._is_target_alive(link, direct):
            answers = self._prober.link(link).all_alive(via_link)
            if answers and not fault_type.shows_in(self._timing, via_link, direct):
                return ""
        elif all(result.outcome != "refused" for result in via_link):
            return ""  # the proxy forwards again, to a target that is down
        if self._active_links.owners(link):
            return ""  # another step has injected a fault meanwhile
        if self._active_links.was_disabled(link) and all(r.outcome == "refused" for r in via_link):
            return ""  # the proxy is disabled, as it was before the fault
        return f"{_text(via_link)} (direct: {_text(direct)})"

    def _target_text(self, links: Sequence[str]) -> str:
        """Return a text on which targets are alive and which another step keeps down."""
        targets = dict.fromkeys(self._prober.stack.spec.links[link].target for link in links)
        down = [f"{name} {self._node_state(name)}" for name in targets if self._node_state(name)]
        if len(down) == len(targets):
            return f"{', '.join(down)} by another step"
        alive = "target alive" if len(targets) == 1 else f"{len(targets) - len(down)} targets alive"
        return f"{alive}, {', '.join(down)} by another step" if down else alive

    def _is_target_alive(self, link: str, direct: Results) -> bool:
        protocol = self._prober.link(link).protocol
        return any(protocol.proves_alive(result.outcome) for result in direct)

    def _reference_problem(self, fault_type: LinkFault, reference: Reference | None) -> str:
        """Return how the reference changed, if it still differs in the third round of probes."""
        if reference is None:
            return ""
        endpoint, problem = reference.endpoint, ""
        for _ in range(3):
            results = self._prober.probe_for_answer(
                endpoint, fault_type.probe_options(self._timing)
            )
            if endpoint.all_alive(results) and not fault_type.shows_in(
                self._timing, results, reference.before
            ):
                return ""
            target = self._prober.stack.spec.links[endpoint.name].target
            if self._active_links.owners(endpoint.name) or self._node_state(target):
                return ""  # another step has injected a fault there meanwhile
            problem = (
                f"{endpoint.name}, which the fault is not on, changed too: {_text(results)} "
                f"(before: {_text(reference.before)})"
            )
        return problem


def _text(results: Results) -> str:
    return " / ".join(dict.fromkeys(str(result) for result in results))


def _name_or_count(links: Sequence[str]) -> str:
    return links[0] if len(links) == 1 else f"{len(links)} links"
