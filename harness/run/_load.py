"""Who sends the load of a run: Locust in one process, or a master with workers."""

from collections.abc import Callable
from pathlib import Path

from harness.errors import UsageError
from harness.load import DistributedLoad, LoadProcess, RunLoad
from harness.stack import Backend, StackSpec, backends_with

MakeLoad = Callable[[StackSpec, Path], RunLoad]
"""Called with the stack and the run's folder; returns a load that is not started."""


def single_process(spec: StackSpec, run: Path) -> RunLoad:
    """Return a load without workers."""
    del spec
    return LoadProcess(run)


def load_maker(
    backend: Backend, *, workers: int, remote_workers: int, announce: Callable[[str], None]
) -> MakeLoad:
    """Return what makes the load of a run on `backend`.

    Args:
        workers: how many workers the harness starts; 0 without remote workers: a single process.
        remote_workers: how many workers on other hosts are waited for.
        announce: called with the command that starts a remote worker.

    Raises:
        UsageError: workers on other hosts cannot reach services on this backend.
    """
    if remote_workers and "remote_workers" not in backend.capabilities:
        able = " or ".join(f"--on {name}" for name in backends_with("remote_workers"))
        raise UsageError(
            f"--join {remote_workers}: workers on other hosts cannot reach services on this "
            f"machine's loopback; add {able}, or use --workers"
        )
    if not workers and not remote_workers:
        return single_process

    def make(spec: StackSpec, run: Path) -> RunLoad:
        pool = backend.make_workers(spec, run, workers)
        return DistributedLoad(run, pool, remote_workers=remote_workers, announce=announce)

    return make
