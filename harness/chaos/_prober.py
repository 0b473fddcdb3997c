"""Probe many addresses at once, and choose an unrelated endpoint to compare with."""

import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace

from harness.clock import Clock
from harness.errors import HarnessError
from harness.stack import NodeStatus, Stack

from ._probe import ProbeResult, Results, probe
from ._probe_protocol import ProbeOptions, ProbeProtocol
from .probes import protocol_of

_ANSWER_TIMEOUT = 2.0
"""Wall-clock seconds that a probe waits for an answer from a service that should give one."""

_SILENT_TIMEOUT = 0.3
"""Wall-clock seconds that it waits if the service may be silent."""


@dataclass(frozen=True)
class Endpoint:
    """An address to probe; `name` is the link or the service that it belongs to."""

    name: str
    address: str
    protocol: ProbeProtocol

    def all_alive(self, results: Results) -> bool:
        """Return True if every one of `results` proves that the service is running."""
        return all(self.protocol.proves_alive(result.outcome) for result in results)


@dataclass(frozen=True)
class Reference:
    """An endpoint that the fault must not affect, and its results before the fault."""

    endpoint: Endpoint
    before: Results


class Prober:
    """Sends probes to the links and services of one stack."""

    def __init__(self, stack: Stack, pool: Executor, seed: int, clock: Clock) -> None:
        self.stack = stack
        self._pool = pool
        self._seed = seed
        self._clock = clock

    def link(self, name: str) -> Endpoint:
        """Return the endpoint of link `name` to which its caller connects.

        Raises:
            StackError: the stack cannot report the address.
        """
        target = self.stack.spec.services[self.stack.spec.links[name].target]
        return Endpoint(name, self.stack.link_address(name), protocol_of(target))

    def service(self, name: str) -> Endpoint | None:
        """Return the endpoint of service `name` that bypasses every link.

        Returns None if the service has no port or its address is unknown.
        """
        service = self.stack.spec.services[name]
        if service.port is None:
            return None
        try:
            return Endpoint(name, self.stack.address(name), protocol_of(service))
        except HarnessError:
            return None

    def link_target(self, link: str) -> Endpoint | None:
        """Return the endpoint of the target of `link` that bypasses the link."""
        return self.service(self.stack.spec.links[link].target)

    def statuses(self) -> Mapping[str, NodeStatus]:
        """Return the status of each service."""
        return {status.service: status for status in self.stack.status()}

    def probe_all(
        self, probes: Iterable[tuple[Endpoint, ProbeOptions]], count: int = 1
    ) -> dict[str, Results]:
        """Send `count` probes to each endpoint, all at once; return the results by address."""
        futures: dict[str, list[Future[ProbeResult]]] = {}
        for endpoint, options in probes:
            if endpoint.address not in futures:
                futures[endpoint.address] = [
                    self._pool.submit(
                        probe, endpoint.address, endpoint.protocol, options, self._clock
                    )
                    for _ in range(count)
                ]
        return {address: [one.result() for one in sent] for address, sent in futures.items()}

    def probe_for_answer(self, endpoint: Endpoint, options: ProbeOptions) -> Results:
        """Send one probe that should be answered; see `options_for_answer`."""
        options = options_for_answer(endpoint, options)
        return self.probe_all([(endpoint, options)])[endpoint.address]

    def choose_reference(
        self, endpoints: Sequence[Endpoint], options: ProbeOptions, draw_key: str
    ) -> Reference | None:
        """Return one of `endpoints` that answers now; None if none of three does.

        The choice is random, and is the same for the same seed and `draw_key`.
        """
        order = list(endpoints)
        random.Random(f"{self._seed}/{draw_key}").shuffle(order)  # noqa: S311
        for endpoint in order[:3]:
            before = self.probe_for_answer(endpoint, options)
            if endpoint.all_alive(before):
                return Reference(endpoint, before)
        return None


def options_for_answer(
    endpoint: Endpoint, options: ProbeOptions, *, is_down: bool = False
) -> ProbeOptions:
    """Return `options` with a time-out for a probe that should be answered.

    The time-out is shorter for a protocol that may be silent, and for a service that this run
    keeps down or paused: there the probe only shows whether the port accepts connections.
    """
    if is_down or endpoint.protocol.may_be_silent:
        return replace(options, timeout=_SILENT_TIMEOUT)
    return replace(options, timeout=max(options.timeout, _ANSWER_TIMEOUT))
