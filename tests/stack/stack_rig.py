"""Helpers of the stack tests: a stack that records its events, and waiting for a condition."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from harness.history import Node
from harness.stack import Settings, Stack

TINY = Path(__file__).parent / "tiny"


def eventually(condition: Callable[[], Any], limit: float = 15.0) -> Any:
    """Return the first true value of `condition`; fail after `limit` wall-clock seconds."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was not true within {limit} s"
        time.sleep(0.01)
    return value


@dataclass
class Rig:
    """A stack, with the output and state changes that it has reported so far."""

    stack: Stack
    state_dir: Path
    lines: list[tuple[str, bytes, float]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def start(self, **settings: Any) -> None:
        self.stack.start(
            Settings(**settings),
            lines=lambda service, line, t: self.lines.append((service, line, t)),
            nodes=self.nodes.append,
        )

    def get(self, service: str, path: str, timeout: float = 10.0) -> httpx.Response:
        """Send a GET directly, bypassing every link."""
        url = f"http://{self.stack.address(service)}{path}"
        return httpx.get(url, timeout=timeout, trust_env=False)

    def history(self, service: str) -> list[tuple[str, bool]]:
        """Return (state, planned) of each event of `service`."""
        return [(n.state, n.planned) for n in self.nodes if n.service == service]

    def output(self, service: str) -> list[bytes]:
        return [line for name, line, _ in self.lines if name == service]

    def pid(self, service: str) -> int:
        pid = next(s.pid for s in self.stack.status() if s.service == service)
        assert pid is not None
        return pid
