"""The harness may die between any two steps: what the intents name is enough to heal."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.chaos import heal
from harness.chaos._intents import Intents, outstanding
from harness.chaos._links import LinkHolds
from harness.chaos._toxic import Toxic, both_ways
from harness.chaos._toxiproxy import Toxiproxy, _Draft

from .fake_stack import FakeStack


class Died(BaseException):
    """No handler of the harness runs after this, as none does after kill -9."""


class Mortal(Toxiproxy):
    """Dies at its `last` change: before it is made, or once it is made."""

    def __init__(self, address: str, last: int, *, before: bool) -> None:
        super().__init__(address)
        self._left = last
        self._before = before

    def _step(self, change: Callable[[], object]) -> None:
        self._left -= 1
        if self._left < 0 or (self._left == 0 and self._before):
            raise Died
        change()
        if self._left == 0:
            raise Died

    def disable(self, name: str) -> None:
        self._step(lambda: super(Mortal, self).disable(name))

    def enable(self, name: str) -> None:
        self._step(lambda: super(Mortal, self).enable(name))

    def add_toxic(self, name: str, toxic: Toxic, toxic_name: str) -> None:
        self._step(lambda: super(Mortal, self).add_toxic(name, toxic, toxic_name))

    def destroy(self, name: str) -> bool:
        self._step(lambda: super(Mortal, self).destroy(name))
        return True

    def _rebuild(self, name: str, draft: _Draft, dropped: Collection[str]) -> None:
        self._step(lambda: super(Mortal, self)._rebuild(name, draft, dropped))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("kind", ["cut", "blackhole", "blackhole, drained first"])
def test_wherever_it_dies_all_is_healed(
    stack: FakeStack, tmp_path: Path, kind: str, *, before: bool
) -> None:
    links = ["gate-visa", "desk-gate"]
    toxics = () if kind == "cut" else both_ways("timeout", {"timeout": 0})
    deaths = 0
    for last in range(1, 40):
        directory = tmp_path / str(last)
        intents = Intents(directory)
        server = Mortal(stack.toxiproxy(), last, before=before)
        with ThreadPoolExecutor(1) as pool:
            holds = LinkHolds(server, intents, pool)
            try:
                holds.hold(
                    "f",
                    links,
                    toxics,
                    disables=kind == "cut",
                    drained=links if "drained" in kind else (),
                )
                holds.release("f")
                died = False
            except Died:
                died = True
        intents.close()
        server.close()
        heal(directory)
        assert outstanding(directory) == []
        assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
        assert not any(stack.toxics.toxics(link) for link in stack.links)
        if not died:
            break
        deaths += 1
    steps = {"cut": 4, "blackhole": 10, "blackhole, drained first": 14}[kind]
    assert deaths == steps
