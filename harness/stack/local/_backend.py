"""The `Backend` of stacks that run as local processes; `_backends` registers it."""

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
    """Runs services as processes of this machine, on loopback."""

    name = "local"
    capabilities: frozenset[Capability] = frozenset()

    def make_clock(self) -> Clock:
        """Return the wall clock."""
        return WALL_CLOCK

    def make_stack(self, spec: StackSpec, state_dir: Path) -> LocalStack:
        """Return a `LocalStack` that is not started."""
        return LocalStack(spec, state_dir)

    def make_workers(self, spec: StackSpec, run: Path, count: int) -> "Workers":
        """Return load workers that run as processes of this machine."""
        from harness.load import LocalWorkers  # noqa: PLC0415 - only runs with load need it

        del spec
        return LocalWorkers(run, count)

    def owns(self, state_dir: Path) -> bool:
        """Return True if `state_dir` has the lock file of a stack."""
        return StateDir(state_dir).is_used()

    def attach(self, state_dir: Path) -> LocalStack:
        """Connect to the supervisor that listens in `state_dir`."""
        return LocalStack.attach(state_dir)

    def sweep(self, state_dir: Path) -> list[str]:
        """End the processes and remove the data that a crashed stack left.

        A directory of another backend is not touched: its state file has the same name.
        """
        return sweep(state_dir) if self.owns(state_dir) else []

    def hosts(self, state_dir: Path, address: str) -> bool:
        """Return True: loopback always exists, and a port without a listener refuses."""
        del state_dir, address
        return True

    def restore(self, change: str, record: Record) -> str:
        """Raise `UsageError`: this backend changes no containers, so it makes no records."""
        service = record.get("service", "?")
        raise UsageError(f"{service}: {change} is not a fault of --on local; use --on compose")

    def print_logs(
        self, state_dir: Path, services: Sequence[str], *, follow: bool, write: Write
    ) -> None:
        """Write the log files in `state_dir`; they stay there after the stack has ended."""
        print_logs(state_dir, services, follow=follow, write=write)

    def diagnose(self, directory: Path) -> Iterator[Finding]:
        """Check the operating system, and find the Toxiproxy server that would be used."""
        del directory
        linux = sys.platform == "linux"
        yield Finding("system", platform.system(), "the local backend needs Linux", linux)
        found = os.environ.get("HARNESS_TOXIPROXY") or shutil.which("toxiproxy-server")
        means = "used by the local backend" if found else "the embedded server is used"
        yield Finding("toxiproxy-server", found or "none", means)

    def build_images(self, directory: Path, write: Write) -> None:
        """Raise `UsageError`: local processes need no images."""
        del directory, write
        raise UsageError("--build: --on local needs no images; leave it out, or use --on compose")


BACKEND = LocalBackend()
