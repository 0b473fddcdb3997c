"""Starve: a container gets less CPU or memory than it needs."""

from math import ceil
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.chaos._fault_type import Change, ContainerFault, NodeState, engine_of
from harness.chaos._probe import ProbeResult
from harness.chaos._probe_protocol import SILENCE_TIMEOUT, ProbeOptions
from harness.chaos._timing import Timing
from harness.scenario import Size, write_size
from harness.stack import Engine, NodeStatus, Stack, Usage

_MIN_MEMORY = 6 * 1024 * 1024
"""Bytes; the engine accepts no lower limit."""

_OUT_OF_MEMORY_SHARE = 0.95
"""A service that uses at least this share of its memory limit counts as out of memory."""

_PROBES = 16
"""Probes at the same time, which keep the service busy."""

_REQUESTS_PER_CORE = 1024
"""Requests of each probe, for each core that the service may use. They are a third of a second of
work at 20 us a request, measured with a bare socket server in Python; uvicorn takes longer."""


class Starve(ContainerFault, name="starve"):
    """Limit a container to `cpu` (a share of one core) and `memory`, of which it cannot swap.

    Neither is divided by the pace: a service does as much work in a wall-clock second at any pace.
    The fault is verified if the service is throttled, or has no memory left. Otherwise it is
    unverified, because a limit that is not reached has no effect.
    """

    cpu: float | None = Field(
        default=None, ge=0.01, le=64, allow_inf_nan=False, description="Cores, as in 0.05."
    )
    memory: Annotated[Size, Field(ge=_MIN_MEMORY)] | None = Field(
        default=None, description="As in 64MB; 6MB or more."
    )
    node_state: ClassVar[NodeState] = "starved"
    probe_count: ClassVar[int] = _PROBES
    change: ClassVar[Change] = "starve"

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.cpu is None and self.memory is None:
            raise ValueError("nothing to limit; give cpu, memory or both")
        return self

    def inject_container(self, engine: Engine, service: str) -> None:
        """Set limits that take effect at once."""
        engine.starve(service, cpu=self.cpu, memory=self.memory)

    def probe_options(self) -> ProbeOptions:
        """Return options with more work than three of the kernel's CPU periods (0.1 s each) allow.

        The probe reads all answers: a server whose caller has closed the connection would not do
        the rest of the work.
        """
        if self.cpu is None:
            return ProbeOptions(timeout=SILENCE_TIMEOUT)
        requests = min(ceil(self.cpu * _REQUESTS_PER_CORE), _REQUESTS_PER_CORE)
        return ProbeOptions(timeout=SILENCE_TIMEOUT, requests=requests, read_all=True)

    def measure_baseline(self, stack: Stack, service: str) -> Usage:
        """Return the container's usage, with how often it has been throttled so far."""
        return engine_of(stack, self).usage(service)

    def expected_result(self, timing: Timing) -> str:
        """Return which limits are reached."""
        del timing
        cpu = [] if self.cpu is None else [f"throttled at {self.cpu:g} of a core"]
        memory = [] if self.memory is None else [f"out of its {write_size(self.memory)}"]
        return " and ".join([*cpu, *memory])

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True always: response times prove nothing about limits.

        `missing_evidence` reads the kernel's counters.
        """
        del before, now, direct
        return True

    def missing_evidence(self, stack: Stack, service: str, baseline: object) -> str:
        """Return which limit was not reached, by the kernel's own counters."""
        now = engine_of(stack, self).usage(service)
        assert isinstance(baseline, Usage)
        if now.killed and self.memory is not None:
            return ""
        return " and ".join(filter(None, (self._missing_cpu(baseline, now),
                                          self._missing_memory(baseline, now))))  # fmt: skip

    def _missing_cpu(self, before: Usage, now: Usage) -> str:
        if self.cpu is None:
            return ""
        if now.cpu is None or abs(now.cpu - self.cpu) > 0.001:
            return f"the engine gives it {'all' if now.cpu is None else f'{now.cpu:g}'} of the CPU"
        if now.throttled <= before.throttled:
            return f"may use {self.cpu:g} of a core, and did not try to use more"
        return ""

    def _missing_memory(self, before: Usage, now: Usage) -> str:
        if self.memory is None:
            return ""
        if now.memory != self.memory:
            given = "all memory" if now.memory is None else write_size(now.memory)
            return f"the engine gives it {given}"
        if now.used < _OUT_OF_MEMORY_SHARE * self.memory and now.refused <= before.refused:
            used = write_size(now.used // 1024**2 * 1024**2)
            return f"may use {write_size(self.memory)}, and uses {used}"
        return ""
