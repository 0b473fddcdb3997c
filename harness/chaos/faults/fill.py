"""The disk is full: nothing more can be written down."""

from typing import ClassVar

from harness.chaos._canary import Sight
from harness.chaos._kind import Change, ContainerFault, Standing, engine_of
from harness.chaos._wire import Wire
from harness.stack import Engine, NodeStatus, Service, Stack


class Fill(ContainerFault, name="fill"):
    """Leave no room on its disks, whose size `x-harness.disk` gives; healed, there is room again.

    A file that is there keeps what is in it. What is left of the fault are two empty files.
    """

    leaves: ClassVar[Standing] = "full"
    change: ClassVar[Change] = "fill"

    def misfits(self, service: Service) -> str:
        """Only a disk of limited size can be filled without harm to the machine."""
        if service.disk is None:
            return (
                f"the disk of {service.name} is as large as the machine's; give it a size in the "
                "stack file: x-harness: {disk: 16MB}"
            )
        return ""

    def strike(self, engine: Engine, service: str) -> None:
        """A file that takes what room there is."""
        engine.fill(service)

    def expected(self, wire: Wire) -> str:
        """No space left on device."""
        del wire
        return "running without room on its disk"

    def seen(self, before: NodeStatus, now: NodeStatus, beside: Sight | None) -> bool:
        """Whether it answers, or has died of it, is the service's own affair."""
        del before, now, beside
        return True

    def missing(self, stack: Stack, service: str, before: object) -> str:
        """A page is refused."""
        del before
        room = engine_of(stack, self).room(service)
        free = [path for path, there_is in room.items() if there_is]
        return f"there is room at {', '.join(free)}" if free else ""

    def remains(self, stack: Stack, service: str) -> str:
        """A page is taken."""
        room = engine_of(stack, self).room(service)
        full = [path for path, there_is in room.items() if not there_is]
        return f"there is no room at {', '.join(full)}" if full else ""
