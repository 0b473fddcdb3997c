"""Reads the load generator's parts of the history while they are being written."""

from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag

from harness.clock import Clock
from harness.history import decode

from ._live_state import LiveState

_INTERVAL = 0.1
"""Wall-clock seconds between two reads."""


class Tailer:
    """Passes every event in the parts `load-*.jsonl` to a live state, each one once."""

    def __init__(self, parts: Path, live_state: LiveState, clock: Clock) -> None:
        self._parts = parts
        self._live_state = live_state
        self._clock = clock
        self._offsets: dict[Path, int] = {}

    def follow(self, is_running: Callable[[], bool], stop: Flag) -> None:
        """Read repeatedly while `is_running()` returns True and `stop` is not set."""
        while is_running() and not self._clock.wait(stop, _INTERVAL):
            self.read()

    def read(self) -> None:
        """Pass on every complete line that was appended since the last call."""
        for path in sorted(self._parts.glob("load-*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                chunk = file.read()
            end = chunk.rfind(b"\n") + 1
            for line in chunk[:end].splitlines():
                self._live_state.observe(decode(line))
            self._offsets[path] = self._offsets.get(path, 0) + end
