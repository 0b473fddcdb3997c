"""A stack that starts or ends leaves the machine to those that run: `modest`, `step_back`.

Its containers are a dozen interpreters that all want to run at once. On two cores, questions to a
service of another stack had waited for up to 259 ms while one started and 660 ms while one ended,
and with the shares below for 81 and 30 ms; start and end took no longer. Shares count among
containers only, and only while a core is wanted by more than one: what the engine and Compose do
meanwhile they cannot hold back (beside a stack under load, one start of four still cost 780 ms).
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from docker.models.containers import Container

from ._engine import LOST, told

_MODEST = 128
_USUAL = 1024
"""What the engine gives a container of which the Compose file says nothing."""

_NOBODYS = (None, 0, _USUAL)


@contextmanager
def modest(containers: Collection[Container]) -> Iterator[None]:
    """While the block lasts, those without CPU shares of their own have an eighth of the usual.

    Raises:
        StackError: the engine did not give the usual ones back.
    """
    ours = step_back(containers)
    yield
    with told("the containers' CPU shares cannot be given back"), _pool(ours) as pool:
        for _ in pool.map(lambda one: one.update(cpu_shares=_USUAL), ours):
            pass


def step_back(containers: Collection[Container]) -> list[Container]:
    """Leave those without CPU shares of their own an eighth of the usual, for good; which did.

    It is a courtesy: an engine without shares to give (rootless, say) is no reason to fail.
    """
    ours = [one for one in containers if one.attrs["HostConfig"].get("CpuShares") in _NOBODYS]
    with _pool(ours) as pool:
        return [one for one, did in zip(ours, pool.map(_step_back, ours), strict=True) if did]


def _step_back(container: Container) -> bool:
    try:
        container.update(cpu_shares=_MODEST)
    except LOST:
        return False
    return True


def _pool(containers: Collection[Container]) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(containers) or 1, "shares")
