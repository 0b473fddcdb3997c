"""CPU and memory limits of a container: read, set, reverted.

The engine cannot remove a memory limit: it ignores 0 and refuses -1. A container that had no limit
gets the machine's memory as its limit, and as much swap. The engine refuses a CPU quota beside
`cpus:`.
"""

from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import APIError
from docker.models.containers import Container

from harness.errors import StackError
from harness.scenario import write_size

from .._containers import Usage

_PERIOD = 100_000
"""Microseconds of the kernel's accounting period; its default."""

_KEYS = ("CpuPeriod", "CpuQuota", "NanoCpus", "Memory", "MemorySwap")


def limits_of(container: Container) -> dict[str, int]:
    """Return the limits of `container` by the engine's keys; 0 is unlimited."""
    config = container.attrs["HostConfig"]
    return {key: config.get(key) or 0 for key in _KEYS}


def set_limits(
    client: docker.DockerClient, container: Container, *, cpu: float | None, memory: int | None
) -> None:
    """Limit the CPU or memory of `container`.

    Args:
        client: the engine's client.
        container: the container.
        cpu: cores; None leaves the limit as it is.
        memory: bytes; None leaves the limit as it is.

    Raises:
        StackError: the container already uses more memory, or the Compose file sets `cpus:`.
    """
    changes: dict[str, Any] = {}
    if cpu is not None:
        _require_no_cpus(container)
        changes |= {"cpu_period": _PERIOD, "cpu_quota": max(1000, round(cpu * _PERIOD))}
    if memory is not None:
        if _unreclaimable(_stats(client, container)) > memory:
            raise _too_small(memory)
        changes |= {"mem_limit": memory, "memswap_limit": memory}
    try:
        client.api.update_container(container.id or "", **changes)
    except APIError as error:
        if memory is None or "memory limit" not in str(error.explanation):
            raise
        raise _too_small(memory) from error


def restore_limits(
    client: docker.DockerClient, container: Container, before: dict[str, int]
) -> list[str]:
    """Set the limits of `before` again; return which ones were changed (`CPU`, `memory`).

    Raises:
        StackError: the engine still reports other limits.
    """
    now, changes, changed = limits_of(container), dict[str, Any](), list[str]()
    if now["CpuQuota"] != before["CpuQuota"]:
        changes |= {
            "cpu_period": before["CpuPeriod"] or _PERIOD,
            "cpu_quota": before["CpuQuota"] or -1,
        }
        changed.append("CPU")
    if now["Memory"] != before["Memory"]:
        machine = client.info()["MemTotal"]
        if before["Memory"] or now["Memory"] < machine:
            changes |= {
                "mem_limit": before["Memory"] or machine,
                "memswap_limit": (before["Memory"] and before["MemorySwap"]) or 2 * machine,
            }
            changed.append("memory")
    if changes:
        client.api.update_container(container.id or "", **changes)
        container.reload()
        now = limits_of(container)
        wanted = changes.get("cpu_quota", now["CpuQuota"]), changes.get("mem_limit", now["Memory"])
        if (now["CpuQuota"], now["Memory"]) != wanted:
            raise StackError(f"the engine still reports {now}, not {changes}")
    return changed


def usage_of(client: docker.DockerClient, container: Container) -> Usage:
    """Return the limits of `container` and what it uses."""
    limits, stats = limits_of(container), _stats(client, container)
    memory = stats.get("memory_stats") or {}
    throttling = (stats.get("cpu_stats") or {}).get("throttling_data") or {}
    quota = limits["CpuQuota"]
    return Usage(
        cpu=quota / (limits["CpuPeriod"] or _PERIOD) if quota > 0 else None,
        throttled=throttling.get("throttled_periods", 0),
        memory=limits["Memory"] or None,
        used=memory.get("usage", 0),
        refused=memory.get("failcnt", 0),
        killed=bool(container.attrs["State"].get("OOMKilled")),
    )


def _stats(client: docker.DockerClient, container: Container) -> dict[str, Any]:
    """Return the engine's statistics of `container`; {} if it does not run."""
    if container.status not in ("running", "paused"):
        return {}
    stats: dict[str, Any] = client.api.stats(container.id or "", stream=False, one_shot=True)
    return stats


def _unreclaimable(stats: Mapping[str, Any]) -> int:
    """Return the bytes of memory that the kernel cannot reclaim: all but the page cache.

    With cgroup v1 the kernel refuses a limit below that. With v2 it sets the limit, and kills
    processes until the rest fits.
    """
    memory = stats.get("memory_stats") or {}
    parts = memory.get("stats") or {}
    cached = ("active_file", "inactive_file", "slab_reclaimable")
    caches = (parts.get(f"total_{name}", parts.get(name, 0)) for name in cached)
    return int(memory.get("usage", 0)) - sum(map(int, caches))


def _too_small(memory: int) -> StackError:
    return StackError(f"it already uses more than {write_size(memory)}; choose a higher limit")


def _require_no_cpus(container: Container) -> None:
    if limits_of(container)["NanoCpus"]:
        raise StackError(
            "the Compose file sets cpus:, and the engine refuses a quota beside it; write "
            "cpu_period: 100000 and cpu_quota: instead"
        )
