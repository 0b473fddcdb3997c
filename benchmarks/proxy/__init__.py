"""Compare the embedded proxy with a real `toxiproxy-server`, alternating, in one run.

    python -m benchmarks.proxy            all measurements; about a minute and a half

Prints ratios, because absolute figures depend on the machine. Without a real server
(HARNESS_TOXIPROXY or the PATH) the embedded one is measured alone. Peers do as little work as
possible: the sender sends file pages and the receiver discards in the kernel, so that the proxies
are compared and not two Python programs that copy bytes. `bulk, copying peers` is the figure for
ordinary peers; its target is 0.8 of what they reach without a proxy. Every arm is measured once
per round and the median of its rounds is shown, so that a disturbance affects all arms alike.

    _peer   the process that clients connect to
    _arms   the ways to it: via one of the two servers, or direct
    _work   the work that is timed
"""

import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ._arms import Arm, arms
from ._work import (
    IDLE,
    bulk,
    calls_under_load,
    connections,
    cut,
    idle,
    latency,
    round_trips,
)

ROUNDS = 5
Figures = dict[str, list[float]]


def measure(
    started: dict[str, Arm], work: Callable[[Arm], dict[str, float]], *,
    rounds: int = ROUNDS, names: tuple[str, ...] = ("direct", "embedded", "real"),
) -> dict[str, Figures]:  # fmt: skip
    """Run `work` on each arm in turn, `rounds` times; return all figures by arm and name."""
    found: dict[str, Figures] = {}
    for _ in range(rounds):
        for name in names:
            if name in started:
                for figure, value in work(started[name]).items():
                    found.setdefault(name, {}).setdefault(figure, []).append(value)
    return found


def median(figures: dict[str, Figures], arm: str, figure: str) -> float:
    """Return the median of an arm's figure; NaN if it was not measured."""
    values = figures.get(arm, {}).get(figure)
    return statistics.median(values) if values else float("nan")


def show(what: str, ratio: float, wanted: str, detail: str) -> None:
    """Print one line: ratio, target and detail, with a dash for what was not measured."""
    shown = "      -" if ratio != ratio else f"{ratio:6.2f}x"  # noqa: PLR0124  (not a number)
    detail = detail.replace("nan", "-")
    print(f"proxy: {what:32} {shown}  (wanted {wanted:8}) {detail}", flush=True)


def busy(seconds: float = 1.0) -> float:
    """Return the share of this machine's cores that is in use while this process waits."""
    before = _ticks()
    time.sleep(seconds)
    used, idle_ = (now - then for now, then in zip(_ticks(), before, strict=True))
    return used / max(used + idle_, 1)


def _ticks() -> tuple[int, int]:
    """Return the ticks that all cores were busy and idle (proc(5), /proc/stat)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    resting = ticks[3] + ticks[4]
    return sum(ticks) - resting, resting


def main() -> None:
    """Run all measurements and print them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with arms() as started:
        if (others := busy()) > 0.2:
            print(f"proxy: {others:.0%} of this machine is busy: the figures are unreliable")
        if "real" not in started:
            print("proxy: no toxiproxy-server found: the embedded server is measured alone")
        for kind, what in (("sink", "bulk throughput"), ("copying_sink", "bulk, copying peers")):
            figures = measure(started, partial(bulk, kind=kind))
            fast, real = median(figures, "embedded", "MB/s"), median(figures, "real", "MB/s")
            direct = median(figures, "direct", "MB/s")
            # No proxy can show more than its peers do without one.
            wanted = min(3.0, 0.8 * direct / real) if real == real else 3.0  # noqa: PLR0124
            show(what, fast / real, f">= {wanted:.2g}",
                 f"{fast:.0f} / {real:.0f} MB/s, direct {direct:.0f}")  # fmt: skip
        figures = measure(started, round_trips, rounds=6 * ROUNDS)
        for figure in ("p50", "p99"):
            direct = median(figures, "direct", figure)
            fast = median(figures, "embedded", figure) - direct
            real = median(figures, "real", figure) - direct
            show(f"added round trip {figure}", fast / real, "<= 1",
                 f"{fast:.0f} / {real:.0f} µs on {direct:.0f}")  # fmt: skip
        figures = measure(started, connections, rounds=2 * ROUNDS)
        fast, real = median(figures, "embedded", "per s"), median(figures, "real", "per s")
        show("connections per second", fast / real, ">= 1", f"{fast:.0f} / {real:.0f}")
    with (
        arms() as started
    ):  # new processes: memory that was used and freed before would hide what is used now
        figures = measure(started, idle, rounds=1, names=("embedded", "real"))
        fast, real = median(figures, "embedded", "KiB"), median(figures, "real", "KiB")
        alive = median(figures, "embedded", "alive")
        show("memory per idle connection", fast / real, "<= 1",
             f"{fast:.1f} / {real:.1f} KiB, {alive:.0f} of {IDLE} alive")  # fmt: skip
        figures = measure(started, latency, rounds=ROUNDS, names=("embedded", "real"))
        for figure, limit in (("p50", 1.0), ("p99", 3.0)):
            fast, real = median(figures, "embedded", figure), median(figures, "real", figure)
            show(f"error of 100 ms latency, {figure}", fast / limit, "<= 1",
                 f"{fast:.2f} ms of {limit:.0f} allowed, real {real:.2f}")  # fmt: skip
        # Not the real Toxiproxy: the first of these changes blocks it for good.
        figures = measure(started, calls_under_load, rounds=1, names=("embedded",))
        slowest = median(figures, "embedded", "slowest")
        show("slowest of 1000 toxic changes", slowest / 100, "<= 1",
             f"{slowest:.1f} ms of 100 allowed, one receiver stuck, 200 busy")  # fmt: skip
        figures = measure(started, cut, rounds=2 * ROUNDS, names=("embedded", "real"))
        for figure in ("live", "new"):
            worst = max(figures["embedded"][figure])
            show(f"cut, {figure} connections", worst / 10, "<= 1",
                 f"{worst:.2f} ms of 10 allowed, at worst")  # fmt: skip
