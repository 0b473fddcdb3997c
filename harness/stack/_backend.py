"""What a backend is: where a stack runs, and what the harness can do to it there.

    backend = get_backend("local")
    stack = backend.make_stack(read_stack(Path("."), os.environ), state_dir)

Each backend is one package in this room, `local/` for instance, with an object that implements
`Backend`; `_backends` registers it. Nothing outside asks for a backend by its name: code that needs
something of a backend looks at its `capabilities`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from harness.clock import Clock

from ._containers import Record
from ._protocol import Detachable
from ._spec import StackSpec

if TYPE_CHECKING:
    from harness.load import Workers

Capability = Literal["containers", "images", "remote_workers"]
"""What only some backends can do.

`containers`: services are containers, so that the engine's faults exist (`ContainerStack`).
`images`: services are started from images, which have to be pulled or built (`build_images`).
`remote_workers`: load workers on other hosts can reach the services.
"""

Write = Callable[[str], object]
"""Called with text to print."""


@dataclass(frozen=True)
class Finding:
    """One thing that `harness doctor` looked at."""

    what: str
    found: str
    means: str
    good: bool = True
    """False if it prevents a run."""


class Backend(Protocol):
    """One way to run a stack. Making the object is cheap; methods import what they need."""

    name: str
    """The value of `--on`."""

    capabilities: frozenset[Capability]

    def make_clock(self) -> Clock:
        """Return a clock for one run."""

    def make_stack(self, spec: StackSpec, state_dir: Path) -> Detachable:
        """Return a stack that is not started, with its state in `state_dir`."""

    def make_workers(self, spec: StackSpec, run: Path, count: int) -> "Workers":
        """Return `count` load workers, not started, for a stack whose state is in `run`."""

    def owns(self, state_dir: Path) -> bool:
        """Return True if a stack of this backend was started in `state_dir` and not removed."""

    def attach(self, state_dir: Path) -> Detachable:
        """Return the stack that was left running in `state_dir`.

        Raises:
            StackError: none runs there.
        """

    def sweep(self, state_dir: Path) -> list[str]:
        """Remove what a crashed stack left in `state_dir`; return one line for each thing.

        A stack that was left running on purpose is not touched.

        Raises:
            StackError: it cannot be removed now.
        """

    def hosts(self, state_dir: Path, address: str) -> bool:
        """Return False only if nothing of the stack in `state_dir` can be at host `address`.

        Raises:
            StackError: it cannot be found out.
        """

    def restore(self, change: str, record: Record) -> str:
        """Revert a fault's `change` from the record taken before it; return what was done.

        Raises:
            StackError: it cannot be reverted now.
        """

    def print_logs(
        self, state_dir: Path, services: Sequence[str], *, follow: bool, write: Write
    ) -> None:
        """Write what `services` (all of them if none is named) have logged, a name in each line.

        Raises:
            UsageError: no such service has a log.
            StackError: no stack has run there, or its logs cannot be read.
        """

    def diagnose(self, directory: Path) -> Iterator[Finding]:
        """Return what this machine has of what a run of the stack in `directory` needs."""

    def build_images(self, directory: Path, write: Write) -> None:
        """Pull or build every image that the stack in `directory` needs.

        Raises:
            UsageError: this backend uses no images, or a tool is missing.
            StackError: an image can neither be pulled nor built.
        """
