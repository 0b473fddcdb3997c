"""Verify that a fault of services is in effect, and that it has been healed.

The evidence is the stack's status of each service, a direct probe, and the figures of the backend
that the fault type reads itself. One service that the fault is not on, the reference, must answer
as before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.clock import Clock
from harness.stack import NodeStatus

from ._active_nodes import ActiveNodeFaults
from ._fault_type import NodeFault
from ._finding import HEAL_TIMEOUT, VERIFY_TIMEOUT, Finding, repeat_check, summary
from ._probe_protocol import ProbeOptions
from ._prober import Endpoint, Prober, Reference, options_for_answer
from ._timing import Timing


@dataclass(frozen=True)
class Before:
    """State of services before a fault, by service."""

    statuses: Mapping[str, NodeStatus]
    endpoints: Mapping[str, Endpoint]
    baselines: Mapping[str, object]
    """What `NodeFault.measure_baseline` returned."""


class NodeVerifier:
    """Probes services to verify faults, and knows which other faults of this run affect them."""

    def __init__(
        self,
        prober: Prober,
        timing: Timing,
        clock: Clock,
        *,
        active_nodes: ActiveNodeFaults,
    ) -> None:
        self._prober = prober
        self._timing = timing
        self._clock = clock
        self._owners = active_nodes.owners

    def choose_reference(self, services: Collection[str], draw_key: str) -> Reference | None:
        """Return a service that the fault does not affect."""
        unaffected = [
            name
            for name in self._prober.stack.spec.services
            if name not in services and not self._owners(name)
        ]
        endpoints = [
            endpoint
            for endpoint in map(self._prober.service, unaffected)
            if endpoint is not None and not endpoint.protocol.may_be_silent
        ]
        return self._prober.choose_reference(endpoints, ProbeOptions(), draw_key)

    def state_before(self, fault_type: NodeFault, services: Sequence[str]) -> Before:
        """Return the present state of `services`, with addresses: they may be unknown later."""
        statuses = self._prober.statuses()
        endpoints = {name: self._endpoint(fault_type, name) for name in services}
        return Before(
            {name: statuses[name] for name in services if name in statuses},
            {name: endpoint for name, endpoint in endpoints.items() if endpoint is not None},
            {name: fault_type.measure_baseline(self._prober.stack, name) for name in services},
        )

    def verify_injected(
        self,
        fault_type: NodeFault,
        services: Sequence[str],
        before: Before,
        reference: Reference | None,
    ) -> Finding:
        """Verify that the fault shows at every service, and that the reference still answers."""
        expected = fault_type.expected_result(self._timing)

        def check(names: Sequence[str], attempt: int) -> dict[str, str]:
            del attempt
            statuses, endpoints, problems = self._prober.statuses(), before.endpoints, {}
            probes = [
                (endpoints[name], fault_type.probe_options()) for name in names if name in endpoints
            ]
            results = self._prober.probe_all(probes, fault_type.probe_count)
            for name in names:
                if name not in statuses or name not in before.statuses:
                    problems[name] = f"{name}: the stack does not report its status"
                    continue
                result = results[endpoints[name].address][0] if name in endpoints else None
                if not fault_type.shows_in(before.statuses[name], statuses[name], result):
                    problems[name] = (
                        f"{name}: {statuses[name].state}, {result or 'no port to probe'}, "
                        f"where it should be {expected}"
                    )
                elif missing := fault_type.missing_evidence(
                    self._prober.stack, name, before.baselines[name]
                ):
                    problems[name] = f"{name}: {missing}, where it should be {expected}"
            return problems

        problems = repeat_check(check, services, VERIFY_TIMEOUT, self._clock)
        if problems:
            return Finding(False, summary(problems))
        if reference is not None:
            endpoint = reference.endpoint
            results = self._prober.probe_for_answer(endpoint, ProbeOptions())
            if not endpoint.all_alive(results) and not self._owners(endpoint.name):
                return Finding(
                    False, f"{endpoint.name}, which the fault is not on, is {results[0]} too"
                )
        text = services[0] if len(services) == 1 else f"{len(services)} services"
        more = f"; {reference.endpoint.name} is as before" if reference else ""
        return Finding(True, f"{text} {expected}{more}")

    def verify_healed(self, fault_type: NodeFault, services: Sequence[str]) -> Finding:
        """Verify that every service runs and answers.

        Services with another active fault are left out.
        """

        def check(names: Sequence[str], attempt: int) -> dict[str, str]:
            del attempt
            statuses, problems = self._prober.statuses(), {}
            endpoints = {name: self._endpoint(fault_type, name) for name in names}
            results = self._prober.probe_all(
                (endpoint, options_for_answer(endpoint, ProbeOptions()))
                for endpoint in endpoints.values()
                if endpoint is not None
            )
            for name in names:
                endpoint = endpoints[name]
                result = results[endpoint.address][0] if endpoint is not None else None
                answers = endpoint is None or (
                    result is not None and endpoint.protocol.proves_alive(result.outcome)
                )
                state = statuses[name].state if name in statuses else "unknown to the stack"
                if (state != "running" or not answers) and not self._owners(name):
                    problems[name] = f"{name}: {state}, {result or 'no port to probe'}"
                elif effect := fault_type.remaining_effect(self._prober.stack, name):
                    problems[name] = f"{name}: {effect}"
            return problems

        free = [name for name in services if not self._owners(name)]
        problems = repeat_check(check, free, HEAL_TIMEOUT, self._clock)
        if problems:
            return Finding(False, summary(problems))
        text = f"{free[0]} runs and answers" if len(free) == 1 else f"{len(free)} services run"
        others = len(services) - len(free)
        more = f"; {others} still under another fault" if others else ""
        return Finding(True, f"{text if free else 'no service to probe'}{more}")

    def _endpoint(self, fault_type: NodeFault, name: str) -> Endpoint | None:
        """Return where to probe `name` for a fault of this type."""
        usual = self._prober.service(name)
        host = fault_type.probe_host(self._prober.stack, name)
        if usual is None or not host:
            return usual
        return replace(usual, address=f"{host}:{usual.address.rpartition(':')[2]}")
