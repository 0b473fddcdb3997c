"""Fill: a service's disk is full, and every write fails."""

from typing import ClassVar

from harness.chaos._fault_type import Change, ContainerFault, NodeState, engine_of
from harness.chaos._probe import ProbeResult
from harness.chaos._timing import Timing
from harness.stack import Engine, NodeStatus, Service, Stack


class Fill(ContainerFault, name="fill"):
    """Fill a service's disks, whose size is `x-harness.disk`; healing frees the space.

    Existing files keep their contents. Two empty files remain after healing.
    """

    node_state: ClassVar[NodeState] = "full"
    change: ClassVar[Change] = "fill"

    def unfit_reason(self, service: Service) -> str:
        """Return a text if the disk is unlimited: filling it would fill the machine's."""
        if service.disk is None:
            return (
                f"the disk of {service.name} is as large as the machine's; give it a size in the "
                "stack file: x-harness: {disk: 16MB}"
            )
        return ""

    def inject_container(self, engine: Engine, service: str) -> None:
        """Write a file that takes all free space."""
        engine.fill(service)

    def expected_result(self, timing: Timing) -> str:
        """Return `running without room on its disk`."""
        del timing
        return "running without room on its disk"

    def shows_in(self, before: NodeStatus, now: NodeStatus, direct: ProbeResult | None) -> bool:
        """Return True always: whether a service with a full disk answers depends on the service.

        `missing_evidence` tests the disk itself.
        """
        del before, now, direct
        return True

    def missing_evidence(self, stack: Stack, service: str, baseline: object) -> str:
        """Return a text if a disk still accepts one page."""
        del baseline
        room = engine_of(stack, self).room(service)
        free = [path for path, has_room in room.items() if has_room]
        return f"there is room at {', '.join(free)}" if free else ""

    def remaining_effect(self, stack: Stack, service: str) -> str:
        """Return a text if a disk does not accept one page."""
        room = engine_of(stack, self).room(service)
        full = [path for path, has_room in room.items() if not has_room]
        return f"there is no room at {', '.join(full)}" if full else ""
