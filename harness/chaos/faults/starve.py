"""A container gets less of the machine than it needs."""

from math import ceil
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.chaos._canary import Sight
from harness.chaos._kind import Change, ContainerFault, Standing, engine_of
from harness.chaos._silence import SILENCE
from harness.chaos._speech import Ask
from harness.chaos._wire import Wire
from harness.scenario import Size, write_size
from harness.stack import Engine, NodeStatus, Stack, Usage

_SMALLEST = 6 * 1024 * 1024
"""The engine takes no lower limit."""

_NEAR = 0.95
"""Of its memory limit: who uses as much has none left."""

_LOOKS = 16
"""At once."""

_MOST = 1024
"""Questions in each of them, for each core that it may use: a third of a second of work at 20 us a
question, measured with a bare socket server in Python; uvicorn has more to do for each."""


class Starve(ContainerFault, name="starve"):
    """Let it use no more than `cpu` (a share of one core) and `memory`, of which it cannot swap.

    Neither is divided by the pace: a service does as much work in a real second at any pace. It is
    seen to bite if the service is held up, or has no memory left; else it is unverified, because a
    limit that nobody reaches is no fault.
    """

    cpu: float | None = Field(
        default=None, ge=0.01, le=64, allow_inf_nan=False, description="Cores, as in 0.05."
    )
    memory: Annotated[Size, Field(ge=_SMALLEST)] | None = Field(
        default=None, description="As in 64MB; 6MB or more."
    )
    leaves: ClassVar[Standing] = "starved"
    looks: ClassVar[int] = _LOOKS
    change: ClassVar[Change] = "starve"

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if self.cpu is None and self.memory is None:
            raise ValueError("say of what: cpu, memory or both")
        return self

    def strike(self, engine: Engine, service: str) -> None:
        """Limits that bite at once."""
        engine.starve(service, cpu=self.cpu, memory=self.memory)

    def ask(self) -> Ask:
        """More than it may do in three periods of the kernel's (0.1 s each), if it is fast.

        The canary waits for all answers: a server whose caller has hung up leaves the rest undone.
        """
        if self.cpu is None:
            return Ask(patience=SILENCE)
        return Ask(patience=SILENCE, times=min(ceil(self.cpu * _MOST), _MOST), whole=True)

    def measure(self, stack: Stack, service: str) -> Usage:
        """How often it was held up before."""
        return engine_of(stack, self).usage(service)

    def expected(self, wire: Wire) -> str:
        """What it is short of."""
        del wire
        cpu = [] if self.cpu is None else [f"held up at {self.cpu:g} of a core"]
        memory = [] if self.memory is None else [f"out of its {write_size(self.memory)}"]
        return " and ".join([*cpu, *memory])

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """How fast it answers proves nothing; whether it lives is for `missing` to judge."""
        del before, now, beside
        return True

    def missing(self, stack: Stack, service: str, before: object) -> str:
        """The kernel's own counters."""
        now = engine_of(stack, self).usage(service)
        assert isinstance(before, Usage)
        if now.killed and self.memory is not None:
            return ""
        return " and ".join(filter(None, (self._cpu(before, now), self._memory(before, now))))

    def _cpu(self, before: Usage, now: Usage) -> str:
        if self.cpu is None:
            return ""
        if now.cpu is None or abs(now.cpu - self.cpu) > 0.001:
            return f"the engine gives it {'all' if now.cpu is None else f'{now.cpu:g}'} of the CPU"
        if now.throttled <= before.throttled:
            return f"may use {self.cpu:g} of a core, and was not seen to want more"
        return ""

    def _memory(self, before: Usage, now: Usage) -> str:
        if self.memory is None:
            return ""
        if now.memory != self.memory:
            given = "all memory" if now.memory is None else write_size(now.memory)
            return f"the engine gives it {given}"
        if now.used < _NEAR * self.memory and now.refused <= before.refused:
            used = write_size(now.used // 1024**2 * 1024**2)
            return f"may use {write_size(self.memory)}, and uses {used}"
        return ""
