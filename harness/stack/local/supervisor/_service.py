"""One process of the stack: starting it, reading what it says, ending it."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .. import _process
from .._messages import ProcessSpec, ProcessState
from . import _child

_LONGEST = 1 << 20
"""A line longer than this is cut: a service that never ends its line must not eat the memory."""


class Stream:
    """Stdout or stderr of a service, cut into lines."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> tuple[list[bytes], bool]:
        """The lines that are there, and whether it has ended."""
        try:
            data = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return [], False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._rest and (not data or len(self._rest) > _LONGEST):
            lines, self._rest = [*lines, self._rest], b""
        return lines, not data


class Service:
    """A process that was started from `spec`. Ended ones are kept, to be asked about."""

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.state = "running"
        self.code: int | None = None
        self.planned = False
        """Whether its end was asked for."""
        self.kill_at: float | None = None
        """When its patience with SIGTERM ends, on the monotonic clock."""
        self.on_exit: list[Callable[[], None]] = []
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
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
        """How it stands."""
        return ProcessState(
            service=self.spec.service,
            pid=self.pid,
            state=self.state,  # type: ignore[arg-type]
            code=self.code,
        )

    def keep(self, lines: list[bytes]) -> None:
        """Write `lines` to its log."""
        with suppress(OSError):  # a full disk must not end the stack
            os.write(self._log, b"".join(line + b"\n" for line in lines))

    def kill(self) -> None:
        """End it and its family at once, and return when they are gone."""
        self.planned = True
        self._kill_tree()

    def stop(self) -> None:
        """Ask it to end; `kill_at` is when that is over."""
        self.planned = True
        self.kill_at = time.monotonic() + self.spec.grace
        _process.send(self.pid, signal.Signals(self.spec.stop_signal))
        if self.state == "paused":  # a frozen process hears nothing
            self._thaw()

    def pause(self) -> None:
        """Freeze it and its family."""
        _process.freeze_tree(self.pid)
        self.state = "paused"

    def resume(self) -> None:
        """The opposite of `pause`."""
        self._thaw()

    def has_ended(self) -> bool:
        """Whether its main process has; if so, its family is ended, as a container's would be."""
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self.pid, look) is None:
            return False
        if _process.process_tree([self.pid]):  # while the dead process still holds its number
            self._kill_tree()
        _, status = os.waitpid(self.pid, 0)
        self.code, self.state, self.kill_at = os.waitstatus_to_exitcode(status), "exited", None
        return True

    def close(self) -> None:
        """Let go of its log."""
        os.close(self._log)

    def _thaw(self) -> None:
        for process in _process.process_tree([self.pid]):
            _process.send(process.pid, signal.SIGCONT)
        self.state = "running"

    def _kill_tree(self) -> None:
        members = _process.kill_tree(self.pid)
        _process.await_end([p for p in members if p.pid != self.pid], limit=2.0)
