"""Memory limits: a limit below what a service uses is refused, with cgroup v1 and v2.

The counters are those of an engine with cgroup v1 and of one with v2, with rounded numbers.
"""

from typing import Any, cast

import docker
import pytest
from docker.models.containers import Container

from harness.errors import StackError
from harness.stack.compose._limits import set_limits

MB = 1024 * 1024

V1 = {
    "usage": 60 * MB,
    "stats": {
        "active_file": 0,
        "inactive_file": 0,
        "total_active_file": 5 * MB,
        "total_inactive_file": 15 * MB,
        "total_rss": 40 * MB,
    },
}
V2 = {
    "usage": 60 * MB,
    "stats": {
        "anon": 40 * MB,
        "active_file": 5 * MB,
        "inactive_file": 10 * MB,
        "slab_reclaimable": 5 * MB,
        "slab_unreclaimable": 0,
    },
}


class FakeEngine:
    """An engine with one container, whose memory counters are `memory`; it records `updates`."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self.api, self.memory = self, memory
        self.id, self.status = "0123", "running"
        self.attrs: dict[str, Any] = {"HostConfig": {}}
        self.updates: list[dict[str, Any]] = []

    def stats(self, _container: str, **_options: bool) -> dict[str, Any]:
        return {"memory_stats": self.memory}

    def update_container(self, _container: str, **changes: Any) -> None:
        self.updates.append(changes)

    def limit(self, memory: int) -> None:
        client, container = cast("docker.DockerClient", self), cast("Container", self)
        set_limits(client, container, cpu=None, memory=memory)


@pytest.mark.parametrize("memory", [V1, V2], ids=["v1", "v2"])
def test_a_limit_below_the_unreclaimable_memory_is_refused(memory: dict[str, Any]) -> None:
    """cgroup v2 would kill the service to enforce it."""
    engine = FakeEngine(memory)
    with pytest.raises(StackError, match="it already uses more than 39MB; choose a higher limit"):
        engine.limit(39 * MB)
    assert engine.updates == []


@pytest.mark.parametrize("memory", [V1, V2], ids=["v1", "v2"])
def test_page_cache_does_not_count(memory: dict[str, Any]) -> None:
    engine = FakeEngine(memory)
    engine.limit(40 * MB)
    assert engine.updates == [{"mem_limit": 40 * MB, "memswap_limit": 40 * MB}]
