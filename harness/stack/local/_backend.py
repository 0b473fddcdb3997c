"""The `local` backend, as the registry and the rest of the harness see it."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import WALL_CLOCK, Clock
from harness.errors import UsageError

from .._backend import Capability, Finding, Write
from .._containers import Record
from .._spec import StackSpec
from ._print import print_logs
from ._stack import LocalStack
from ._state import StateDir
from ._sweep import sweep

if TYPE_CHECKING:
    from harness.load import Workers


class LocalBackend:
    """Services as processes of this machine, reached on loopback."""

    name = "local"
    capabilities: frozenset[Capability] = frozenset()

    def make_clock(self) -> Clock:
        """Return the wall clock."""
        return WALL_CLOCK

    def make_stack(self, spec: StackSpec, state_dir: Path) -> LocalStack:
        """Return a stack of processes."""
        return LocalStack(spec, state_dir)

    def make_workers(self, spec: StackSpec, run: Path, count: int) -> "Workers":
        """Return workers that are processes beside the services."""
        from harness.load import LocalWorkers  # noqa: PLC0415 - only runs with load need it

        del spec
        return LocalWorkers(run, count)

    def owns(self, state_dir: Path) -> bool:
        """Return True while the lock of a stack is in `state_dir`."""
        return StateDir(state_dir).is_used()

    def attach(self, state_dir: Path) -> LocalStack:
        """Return the stack whose supervisor listens in `state_dir`."""
        return LocalStack.attach(state_dir)

    def sweep(self, state_dir: Path) -> list[str]:
        """End the processes and remove the data that a crashed stack left."""
        return sweep(state_dir)

    def hosts(self, state_dir: Path, address: str) -> bool:
        """Return True: loopback is always there, and a port where nobody listens refuses."""
        del state_dir, address
        return True

    def restore(self, change: str, record: Record) -> str:
        """Refuse: this backend takes no records, because it changes no containers."""
        raise UsageError(f"{change} of {record.get('service', '?')}: is no change of --on local")

    def print_logs(
        self, state_dir: Path, services: Sequence[str], *, follow: bool, write: Write
    ) -> None:
        """Write the log files in `state_dir`, which stay there after the stack has ended."""
        print_logs(state_dir, services, follow=follow, write=write)

    def diagnose(self, directory: Path) -> Iterator[Finding]:
        """Return the operating system and the Toxiproxy server that would be used."""
        del directory
        linux = sys.platform == "linux"
        yield Finding("system", platform.system(), "the local backend needs Linux", linux)
        found = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
        means = "used by the local backend" if found else "the embedded server is used"
        yield Finding("toxiproxy-server", found or "none", means)

    def build_images(self, directory: Path, write: Write) -> None:
        """Refuse: processes need no images."""
        del directory, write
        raise UsageError("--build: --on local needs no images; leave it out, or use --on compose")


BACKEND = LocalBackend()
