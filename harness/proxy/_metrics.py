"""Byte counters of the proxies and figures of the process, in Prometheus text format.

Toxiproxy counts the bytes of a connection when it ends; these counters include live connections.
`Metrics` stores the counts of closed links; those of live links are read for each request.
"""

import os
import resource
import time
from collections.abc import Iterable

Labels = tuple[str, str, str, str]
"""Direction, listener, proxy, upstream."""
Count = tuple[Labels, int, int]
"""Labels, bytes received, bytes sent."""

_FAMILIES = (
    ("toxiproxy_proxy_received_bytes_total", "The total number of bytes received by a proxy"),
    ("toxiproxy_proxy_sent_bytes_total", "The total number of bytes sent by a proxy"),
)


class Metrics:
    """Stores the counts of closed links, and formats all metrics.

    Args:
        proxies: Report bytes per proxy (`-proxy-metrics`).
        runtime: Report figures of the process (`-runtime-metrics`).
    """

    def __init__(self, *, proxies: bool = False, runtime: bool = False) -> None:
        self.proxies = proxies
        self.runtime = runtime
        self._started = time.time()
        self._closed: dict[Labels, tuple[int, int]] = {}

    def add(self, counts: Iterable[Count]) -> None:
        """Add the counts of links that have closed."""
        if self.proxies:
            _add(self._closed, counts)

    def render(self, live: Iterable[Count]) -> str:
        """Return all metrics as text, including the counts of live links."""
        lines: list[str] = []
        if self.proxies:
            totals = dict(self._closed)
            _add(totals, live)
            for index, (family, text) in enumerate(_FAMILIES):
                if totals:
                    lines += [f"# HELP {family} {text}", f"# TYPE {family} counter"]
                for labels, counts in sorted(totals.items()):
                    lines.append(f"{family}{{{_labels(labels)}}} {counts[index]}")
        if self.runtime:
            lines += self._runtime()
        return "".join(f"{line}\n" for line in lines)

    def _runtime(self) -> list[str]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        values: list[tuple[str, str, float]] = [
            ("process_cpu_seconds_total", "counter", usage.ru_utime + usage.ru_stime),
            ("process_max_fds", "gauge", resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            ("process_start_time_seconds", "gauge", self._started),
        ]
        try:
            with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (no pathlib at start-up)
                pages = file.read().split()
            values += [
                ("process_open_fds", "gauge", len(os.listdir("/proc/self/fd"))),  # noqa: PTH208
                ("process_resident_memory_bytes", "gauge", int(pages[1]) * resource.getpagesize()),
                ("process_virtual_memory_bytes", "gauge", int(pages[0]) * resource.getpagesize()),
            ]
        except OSError:
            pass  # no /proc on this system
        lines = []
        for name, metric_type, value in sorted(values):
            lines += [f"# TYPE {name} {metric_type}", f"{name} {value:.17g}"]
        return lines


def _add(totals: dict[Labels, tuple[int, int]], counts: Iterable[Count]) -> None:
    for labels, received, sent in counts:
        before = totals.get(labels, (0, 0))
        totals[labels] = (before[0] + received, before[1] + sent)


def _labels(labels: Labels) -> str:
    names = ("direction", "listener", "proxy", "upstream")
    escaped = (
        value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for value in labels
    )
    return ",".join(f'{name}="{value}"' for name, value in zip(names, escaped, strict=True))
