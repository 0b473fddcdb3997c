"""Limits of memory: none below what a service uses is set, whatever the kernel would make of it.

The counters are an engine's answers, of cgroup v1 and of v2, with rounder numbers.
"""

from typing import Any, cast

import docker
import pytest
from docker.models.containers import Container

from harness.errors import StackError
from harness.stack.compose._limits import limit

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
    """One container that uses `memory`; what it was told."""

    def __init__(self, memory: dict[str, Any]) -> None:
        self.api, self.memory = self, memory
        self.id, self.status = "0123", "running"
        self.attrs: dict[str, Any] = {"HostConfig": {}}
        self.told: list[dict[str, Any]] = []

    def stats(self, _container: str, **_options: bool) -> dict[str, Any]:
        return {"memory_stats": self.memory}

    def update_container(self, _container: str, **changes: Any) -> None:
        self.told.append(changes)

    def limit(self, memory: int) -> None:
        client, container = cast("docker.DockerClient", self), cast("Container", self)
        limit(client, container, cpu=None, memory=memory)


@pytest.mark.parametrize("memory", [V1, V2], ids=["v1", "v2"])
def test_a_limit_below_what_cannot_be_taken_back_is_not_set(memory: dict[str, Any]) -> None:
    """cgroup v2 would end the service to make it fit."""
    engine = FakeEngine(memory)
    with pytest.raises(StackError, match="it uses more than 39MB already; let it have more"):
        engine.limit(39 * MB)
    assert engine.told == []


@pytest.mark.parametrize("memory", [V1, V2], ids=["v1", "v2"])
def test_a_cache_of_files_is_no_reason_to_refuse(memory: dict[str, Any]) -> None:
    engine = FakeEngine(memory)
    engine.limit(40 * MB)
    assert engine.told == [{"mem_limit": 40 * MB, "memswap_limit": 40 * MB}]
