"""Receives what the running stack reports, and ends the run when it cannot continue."""

from pathlib import Path
from threading import Event as Flag

from harness.history import Node

from ._errors import ErrorLog
from ._recorder import Recorder


class StackEvents:
    """Records log lines and node changes. Its methods may be called from any thread.

    It sets `stop` when a service exits unexpectedly, and when the history cannot be written: for
    the checks, an event that is not recorded did not happen.
    """

    def __init__(self, recorder: Recorder, parts: Path, log: ErrorLog, stop: Flag) -> None:
        self._recorder = recorder
        self._parts = parts
        self._log = log
        self._stop = stop
        self._exits: dict[str, list[str]] = {}
        """How services exited unexpectedly -> their names, in the order of their exits."""

    def line(self, service: str, line: bytes, moment: float) -> None:
        """Record a log line of `service` if it is an event (`LineSink` of a stack)."""
        try:
            self._recorder.line(service, line, moment)
        except OSError as error:
            self.end_unrecorded(error)

    def node(self, node: Node) -> None:
        """Record a node's change of state (`NodeSink` of a stack)."""
        try:
            self._recorder.node(node)
        except OSError as error:
            self.end_unrecorded(error)
        if node.state == "exited" and not node.planned:
            self._add_exit(node)
            self._stop.set()

    def _add_exit(self, node: Node) -> None:
        """Report exits of the same kind in one text, because they have one cause."""
        names = self._exits.setdefault(node.detail, [])
        earlier = f"{', '.join(names)} exited unexpectedly: {node.detail}"
        if node.service not in names:
            names.append(node.service)
        if earlier in self._log.broken:
            self._log.broken.remove(earlier)
        self._log.broken.append(f"{', '.join(names)} exited unexpectedly: {node.detail}")

    def end_unrecorded(self, error: OSError) -> None:
        """End the run because the history cannot be written."""
        text = f"{self._parts}: the history cannot be written: {error.strerror}"
        self._log.broken.append(text)
        self._stop.set()
