"""A stack that starts leaves the machine to those that run: `modest(containers)`.

Its containers are a dozen interpreters that all want to run at once. On two cores that kept a
service of another stack waiting for 157 to 259 ms, and for 31 to 81 ms with the shares below; the
start itself took no longer. Shares count among containers only, and only while a core is wanted by
more than one.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from docker.errors import APIError
from docker.models.containers import Container

from ._engine import told

_MODEST = 128
_USUAL = 1024
"""What the engine gives a container of which the Compose file says nothing."""


@contextmanager
def modest(containers: Collection[Container]) -> Iterator[None]:
    """While the block lasts, those without CPU shares of their own have an eighth of the usual.

    Raises:
        StackError: the engine did not give the usual ones back.
    """
    ours = [one for one in containers if not one.attrs["HostConfig"].get("CpuShares")]
    try:
        _give(ours, _MODEST)
    except APIError:  # one without a CPU controller (rootless, say): there are no shares to give
        ours = []
    yield
    with told("the containers' CPU shares cannot be given back"):
        _give(ours, _USUAL)


def _give(containers: Collection[Container], shares: int) -> None:
    with ThreadPoolExecutor(len(containers) or 1, "shares") as pool:
        for _ in pool.map(lambda one: one.update(cpu_shares=shares), containers):
            pass
