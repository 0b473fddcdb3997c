"""Chooses the load generator of a run: Locust in a single process, or a master with workers."""

from collections.abc import Callable
from pathlib import Path

from harness.errors import UsageError
from harness.load import DistributedLoad, LoadProcess, RunLoad
from harness.stack import Backend, StackSpec, backends_with

MakeLoad = Callable[[StackSpec, Path], RunLoad]
"""Called with the stack and the run's folder; returns a load generator that is not started."""


def single_process(spec: StackSpec, run: Path) -> RunLoad:
    """Return a load generator that is one Locust process without workers."""
    del spec
    return LoadProcess(run)


def load_maker(
    backend: Backend, *, workers: int, guests: int, announce: Callable[[str], None]
) -> MakeLoad:
    """Return a function that makes the load generator of a run on `backend`.

    Args:
        workers: how many workers the harness starts; 0 with no guests means a single process.
        guests: how many workers on other hosts the run waits for.
        announce: called with the command that starts a worker on another host.

    Raises:
        UsageError: workers on other hosts cannot reach services on this backend.
    """
    if guests and "remote_workers" not in backend.capabilities:
        able = " or ".join(f"--on {name}" for name in backends_with("remote_workers"))
        raise UsageError(
            f"--join {guests}: a stack on this machine's loopback is out of reach of workers on "
            f"other hosts; add {able}, or use --workers"
        )
    if not workers and not guests:
        return single_process

    def make(spec: StackSpec, run: Path) -> RunLoad:
        pool = backend.make_workers(spec, run, workers)
        return DistributedLoad(run, pool, guests=guests, announce=announce)

    return make
