"""Lower the CPU priority of a stack while it starts or stops, so that it does not disturb others.

Its containers are a dozen interpreters that start at once. Measured on two cores: requests to a
service of another stack waited up to 259 ms during a start and 660 ms during a stop; with the
shares below 81 and 30 ms, and start and stop took no longer. Shares only apply among containers
that compete for a core. They do not limit the engine and Compose: beside a stack under load, one
start of four still delayed requests by 780 ms.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from docker.models.containers import Container

from ._engine import ENGINE_ERRORS, engine_errors

_LOW = 128
_DEFAULT = 1024
"""CPU shares of a container without `cpu_shares:`."""

_UNSET = (None, 0, _DEFAULT)


@contextmanager
def lower_priority(containers: Collection[Container]) -> Iterator[None]:
    """Lower the priority of `containers` during the block, except those with shares of their own.

    Raises:
        StackError: the engine did not restore the default shares.
    """
    lowered = drop_priority(containers)
    yield
    with engine_errors("the containers' CPU shares cannot be restored"), _pool(lowered) as pool:
        for _ in pool.map(lambda one: one.update(cpu_shares=_DEFAULT), lowered):
            pass


def drop_priority(containers: Collection[Container]) -> list[Container]:
    """Lower the priority of `containers` for good; return those that were changed.

    Containers with shares of their own are not changed. Failures are ignored, because a rootless
    engine cannot set shares.
    """
    lowered = [one for one in containers if one.attrs["HostConfig"].get("CpuShares") in _UNSET]
    with _pool(lowered) as pool:
        return [one for one, did in zip(lowered, pool.map(_lower, lowered), strict=True) if did]


def _lower(container: Container) -> bool:
    try:
        container.update(cpu_shares=_LOW)
    except ENGINE_ERRORS:
        return False
    return True


def _pool(containers: Collection[Container]) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(containers) or 1, "shares")
