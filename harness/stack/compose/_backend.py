"""The `compose` backend, as the registry and the rest of the harness see it.

Each method imports what it needs when it is called: importing the Docker SDK takes a quarter of a
second, and most commands do not use it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import WALL_CLOCK, Clock

from .._backend import Capability, Finding, Write
from .._containers import Record
from .._spec import StackSpec
from ._marker import MARKER

if TYPE_CHECKING:
    from harness.load import Workers

    from ._stack import ComposeStack


class ComposeBackend:
    """Services as containers of one Docker Compose project."""

    name = "compose"
    capabilities: frozenset[Capability] = frozenset({"containers", "images", "remote_workers"})

    def make_clock(self) -> Clock:
        """Return the wall clock."""
        return WALL_CLOCK

    def make_stack(self, spec: StackSpec, state_dir: Path) -> "ComposeStack":
        """Return a stack of containers."""
        from ._stack import ComposeStack

        return ComposeStack(spec, state_dir)

    def make_workers(self, spec: StackSpec, run: Path, count: int) -> "Workers":
        """Return workers that are containers on the project's networks."""
        from ._workers import ContainerWorkers

        return ContainerWorkers(spec, run, count)

    def owns(self, state_dir: Path) -> bool:
        """Return True while the marker of a project is in `state_dir`."""
        return (state_dir / MARKER).exists()

    def attach(self, state_dir: Path) -> "ComposeStack":
        """Return the stack whose project was left running."""
        from ._stack import ComposeStack

        return ComposeStack.attach(state_dir)

    def sweep(self, state_dir: Path) -> list[str]:
        """Remove the project's containers, networks and volumes.

        Containers do not end with the harness that started them, and nothing on the engine tells
        whether it still runs. The caller has to know that it does not.
        """
        if not self.owns(state_dir):
            return []
        from ._sweep import remove_project, was_left_running

        return [] if was_left_running(state_dir) else remove_project(state_dir)

    def hosts(self, state_dir: Path, address: str) -> bool:
        """Return True if a running container of the project has the address `address`.

        The engine is asked, because a connection to a removed container is not refused: it times
        out.
        """
        from ._sweep import is_address_in_use

        return is_address_in_use(state_dir, address)

    def restore(self, change: str, record: Record) -> str:
        """Revert a change that a fault made to a container, from its record alone."""
        from ._faults import restore

        return restore(change, record)

    def print_logs(
        self, state_dir: Path, services: Sequence[str], *, follow: bool, write: Write
    ) -> None:
        """Write the containers' output, which the engine keeps until they are removed."""
        from ._print import print_container_logs

        print_container_logs(state_dir, services, follow=follow, write=write)

    def diagnose(self, directory: Path) -> Iterator[Finding]:
        """Return findings about the engine, Compose and missing images."""
        from ._diagnose import diagnose

        return diagnose(directory)

    def build_images(self, directory: Path, write: Write) -> None:
        """Pull or build the images of the stack in `directory`."""
        from .images import build_images

        build_images(directory, write)


BACKEND = ComposeBackend()
