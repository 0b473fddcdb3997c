"""The rungs by the names that `--on` takes; each is imported only when it is asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from harness.errors import UsageError
from harness.load import DistributedLoad, LocalWorkers, RunLoad, Workers
from harness.run import MakeLoad, in_one_process
from harness.stack import Detachable, StackSpec

MakeDetachable: TypeAlias = Callable[[StackSpec, Path], Detachable]
"""As `harness.run.MakeStack`, of stacks that can be left running."""


def rung(name: str) -> MakeDetachable:
    """How stacks are made on rung `name`.

    Raises:
        UsageError: there is no such rung.
    """
    if name == "local":
        from harness.stack import LocalStack

        return LocalStack
    if name == "compose":
        from harness.stack.compose import ComposeStack

        return ComposeStack
    raise UsageError(f"--on {name}: is no rung; use local or compose")


def load(name: str, workers: int, guests: int, announce: Callable[[str], None]) -> MakeLoad:
    """How the load of a run on rung `name` is made, with as many `workers` and `guests`.

    Raises:
        UsageError: guests cannot reach that rung.
    """
    if guests and name != "compose":
        raise UsageError(
            f"--join {guests}: a stack on this machine's loopback is out of reach of workers on "
            "other hosts; add --on compose, or use --workers"
        )
    if not workers and not guests:
        return in_one_process

    def make(spec: StackSpec, run: Path) -> RunLoad:
        return DistributedLoad(
            run, _workers(name, spec, run, workers), guests=guests, announce=announce
        )

    return make


def _workers(name: str, spec: StackSpec, run: Path, count: int) -> Workers:
    if name == "compose":
        from harness.stack.compose import ContainerWorkers

        return ContainerWorkers(spec, run, count)
    return LocalWorkers(run, count)
