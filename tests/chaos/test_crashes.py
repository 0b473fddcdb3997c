"""A crash between any two changes: the intents are enough to heal."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.chaos import heal
from harness.chaos._active_links import ActiveLinkFaults
from harness.chaos._intents import Intents, outstanding
from harness.chaos._toxic import Toxic, both_streams
from harness.chaos._toxiproxy import Toxiproxy, _ProxySpec

from .fake_stack import FakeStack


class CrashError(BaseException):
    """Not an `Exception`, so that no handler of the harness runs, as after kill -9."""


class CrashingToxiproxy(Toxiproxy):
    """Crashes at its `last` change, before or after making it."""

    def __init__(self, address: str, last: int, *, before: bool) -> None:
        super().__init__(address)
        self._remaining = last
        self._before = before

    def _step(self, change: Callable[[], object]) -> None:
        self._remaining -= 1
        if self._remaining < 0 or (self._remaining == 0 and self._before):
            raise CrashError
        change()
        if self._remaining == 0:
            raise CrashError

    def disable(self, name: str) -> None:
        self._step(lambda: super(CrashingToxiproxy, self).disable(name))

    def enable(self, name: str) -> None:
        self._step(lambda: super(CrashingToxiproxy, self).enable(name))

    def add_toxic(self, name: str, toxic: Toxic, toxic_name: str) -> None:
        self._step(lambda: super(CrashingToxiproxy, self).add_toxic(name, toxic, toxic_name))

    def destroy(self, name: str) -> bool:
        self._step(lambda: super(CrashingToxiproxy, self).destroy(name))
        return True

    def _create_disabled(self, name: str, draft: _ProxySpec, dropped: Collection[str]) -> None:
        self._step(lambda: super(CrashingToxiproxy, self)._create_disabled(name, draft, dropped))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fault", ["cut", "blackhole", "blackhole, drained first"])
def test_every_fault_is_healed_after_a_crash_at_any_change(
    stack: FakeStack, tmp_path: Path, fault: str, *, before: bool
) -> None:
    links = ["gate-visa", "desk-gate"]
    toxics = () if fault == "cut" else both_streams("timeout", {"timeout": 0})
    crashes = 0
    for last in range(1, 40):
        directory = tmp_path / str(last)
        intents = Intents(directory)
        server = CrashingToxiproxy(stack.toxiproxy(), last, before=before)
        with ThreadPoolExecutor(1) as pool:
            active = ActiveLinkFaults(server, intents, pool)
            try:
                active.apply(
                    "f",
                    links,
                    toxics,
                    draw_key="f/1",
                    disables_proxy=fault == "cut",
                    drained=links if "drained" in fault else (),
                )
                active.revert("f")
                crashed = False
            except CrashError:
                crashed = True
        intents.close()
        server.close()
        heal(directory)
        assert outstanding(directory) == []
        assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
        assert not any(stack.toxics.toxics(link) for link in stack.links)
        if not crashed:
            break
        crashes += 1
    changes = {"cut": 4, "blackhole": 10, "blackhole, drained first": 14}[fault]
    assert crashes == changes
