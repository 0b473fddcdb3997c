"""One process of the stack: start it, read its output, end it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ..._log_files import LogWriter
from .. import _process
from .._messages import ProcessSpec, ProcessState
from . import _child

_MAX_LINE = 1 << 20
"""Bytes after which a line is split: a service that writes no newline must not use up memory."""


class Stream:
    """Stdout or stderr of a service, split into lines."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> tuple[list[bytes], bool]:
        """Return the complete lines read now, and True if the stream has ended."""
        try:
            data = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return [], False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) > _MAX_LINE):
            lines, self._rest = [*lines, self._rest], b""
        return lines, not data


class Service:
    """The process of one service. Making the object starts it; it stays usable after the exit."""

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.state = "running"
        self.code: int | None = None
        self.planned = False
        """True if a request ended it."""
        self.kill_at: float | None = None
        """Monotonic time at which SIGKILL follows the stop signal; None unless it is stopping."""
        self.on_exit: list[Callable[[], None]] = []
        self._log = LogWriter(log)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        for descriptor in (out, err):
            os.set_blocking(descriptor, False)
        self.streams = [Stream(out), Stream(err)]
        try:
            self.pid = _child.fork(spec, out_end, err_end)
        finally:
            os.close(out_end)
            os.close(err_end)
        process = _process.find(self.pid)
        self.start = process.start if process else 0

    def process_state(self) -> ProcessState:
        """Return its state as a message."""
        return ProcessState(
            service=self.spec.service,
            pid=self.pid,
            state=self.state,  # type: ignore[arg-type]
            code=self.code,
        )

    def log(self, lines: list[bytes]) -> None:
        """Append `lines` to its log."""
        self._log.write(lines)

    def kill(self) -> None:
        """Send SIGKILL to its process tree, and wait until its descendants have ended."""
        self.planned = True
        self._kill_tree()

    def stop(self) -> None:
        """Send the stop signal; the supervisor's loop kills it at `kill_at`."""
        self.planned = True
        self.kill_at = time.monotonic() + self.spec.grace
        _process.send(self.pid, signal.Signals(self.spec.stop_signal))
        if self.state == "paused":  # a stopped process does not handle signals
            self.resume()

    def pause(self) -> None:
        """Send SIGSTOP to its process tree."""
        _process.freeze_tree(self.pid)
        self.state = "paused"

    def resume(self) -> None:
        """Send SIGCONT to its process tree."""
        for process in _process.process_tree([self.pid]):
            _process.send(process.pid, signal.SIGCONT)
        self.state = "running"

    def has_ended(self) -> bool:
        """Return True if its main process has exited; then kill its tree, as in a container."""
        without_reaping = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self.pid, without_reaping) is None:
            return False
        if _process.process_tree([self.pid]):  # while the zombie still has its pid
            self._kill_tree()
        _, status = os.waitpid(self.pid, 0)
        self.code, self.state, self.kill_at = os.waitstatus_to_exitcode(status), "exited", None
        return True

    def close(self) -> None:
        """Close its log file."""
        self._log.close()

    def _kill_tree(self) -> None:
        members = _process.kill_tree(self.pid)
        _process.wait_ended([p for p in members if p.pid != self.pid], timeout=2.0)
