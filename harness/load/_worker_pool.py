"""The workers of one load, seen from their master: what it sends them, and what they report.

A worker reports, in this order: `clock` with its Unix time; `ready`, or `problems`; then
`finished`, or `died` with a reason. `lost` means that it was stopped from outside; `stopped` that
the master stopped it, and its record is complete.
"""

from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any

import gevent
import msgspec
from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner

from harness.errors import HarnessError, UsageError, WorkerLostError
from harness.history import Generator

from ._config import LoadConfig
from ._messages import CONFIGURE, END, GO
from ._recorder import PartFile

_POLL_INTERVAL = 0.5
_CLOCK_LIMIT = 0.1
"""Wall-clock seconds that a worker's clock may be off: it gives its events their times."""

_OVER = ("finished", "stopped", "died", "problems", "lost")


class WorkerHandle:
    """The state of one worker, and its part of the history."""

    def __init__(self, client: str, name: str, index: int, parts: Path) -> None:
        self.client, self.name, self.index = client, name, index
        self.state = "configured"
        self.asked_at = time()
        self._part = PartFile(parts / f"load-{index}.jsonl")
        self._next = 0

    @property
    def label(self) -> str:
        """The worker's name in messages: its number in the record, and its own name."""
        return f"load worker {self.index} ({self.name})"

    @property
    def over(self) -> bool:
        """True if it has nothing more to send."""
        return self.state in _OVER

    def append(self, number: int, lines: bytes) -> None:
        """Append lines that the worker recorded.

        Raises:
            WorkerLostError: an earlier message of the record is missing.
            RecorderError: the lines cannot be written.
        """
        if number != self._next:
            raise WorkerLostError(f"{self.label}: part of its record was lost on the network")
        self._next += 1
        self._part.write(lines)

    def close(self, t: float) -> None:
        """Close the part; write the `died` event if the worker did not end its record."""
        if not self.over:
            died = Generator(t=t, worker=str(self.index), cpu=0.0, state="died")
            self._part.write(msgspec.json.encode(died) + b"\n")
        self._part.close()


class WorkerPool:
    """OpenLoadUser of one load. `clients`: Locust's id of each worker -> its name.

    Who is called what decides who gets which share, so that two runs with the same names and
    seed share out alike.
    """

    def __init__(
        self,
        runner: MasterRunner,
        load: int,
        config: LoadConfig,
        clients: Mapping[str, str],
        parts: Path,
    ) -> None:
        self.load = load
        self._runner = runner
        self._config = config
        self._epoch: float | None = None
        self._failure: HarnessError | None = None
        self._changed = Event()
        self._ending = self._closed = False
        ordered = sorted(clients.items(), key=lambda item: (len(item[1]), item[1], item[0]))
        self._members = {
            client: WorkerHandle(client, name, index, parts)
            for index, (client, name) in enumerate(ordered)
        }

    def configure(self) -> None:
        """Send each worker its share of the load."""
        count = len(self._members)
        for member in self._members.values():
            own = msgspec.structs.replace(
                self._config, worker_index=member.index, worker_count=count, part=""
            )
            member.asked_at = time()
            self._send(CONFIGURE, member, config=msgspec.to_builtins(own))

    def go(self, epoch: float) -> None:
        """Tell every worker to start at Unix time `epoch`."""
        self._epoch = epoch
        for member in self._members.values():
            self._send(GO, member, epoch=epoch)

    def await_all(self, state: str) -> None:
        """Return when every worker has reported `state`.

        Raises:
            UsageError: the journeys or their parameters are wrong.
            WorkerLostError: a worker has disappeared.
            HarnessError: a worker failed, or its record cannot be written here.
        """
        while any(member.state != state for member in self._members.values()):
            self._changed.clear()
            self._check_presence()
            if self._failure is not None:
                raise self._failure
            self._changed.wait(_POLL_INTERVAL)

    def end(self, patience: float = 2.0) -> None:
        """Stop the workers that still run, and close every part.

        Args:
            patience: wall-clock seconds to wait for their last lines.
        """
        if self._ending:
            return
        self._ending = True
        for member in self._members.values():
            if not member.over and self._is_connected(member):
                self._send(END, member)
        with gevent.Timeout(patience, False):
            while any(not m.over and self._is_connected(m) for m in self._members.values()):
                self._changed.clear()
                self._changed.wait(_POLL_INTERVAL)
        self._closed = True
        t = time() - self._epoch if self._epoch is not None else 0.0
        for member in self._members.values():
            try:
                member.close(t)
            except HarnessError as error:  # the exit code will say that the record is incomplete
                self._failure = self._failure or error

    # ---- messages from workers ----------------------------------------------------------------

    def on_report(self, client: str, data: Mapping[str, Any]) -> None:
        """Handle a `report` message."""
        member = self._member(client, data)
        if member is None:
            return
        kind, texts = str(data["kind"]), [str(text) for text in data["texts"]]
        if kind == "clock":
            self._check_clock(member, float(texts[0]))
        else:
            member.state = kind
        if kind == "problems":
            self._fail(UsageError(texts))
        elif kind == "died":
            self._fail(HarnessError(f"{member.label}: {' '.join(texts)}"))
        elif kind == "lost":
            self._fail(WorkerLostError(f"{member.label} has disappeared: {' '.join(texts)}"))
        self._changed.set()

    def on_record(self, client: str, data: Mapping[str, Any]) -> None:
        """Handle a `record` message."""
        member = self._member(client, data)
        if member is None:
            return
        try:
            member.append(data["number"], data["lines"])
        except HarnessError as error:
            self._fail(error)

    def _member(self, client: str, data: Mapping[str, Any]) -> WorkerHandle | None:
        """Return the worker that sent `data`; None if the message belongs to an earlier load."""
        ours = not self._closed and data["load"] == self.load
        return self._members.get(client) if ours else None

    def _check_clock(self, member: WorkerHandle, reported: float) -> None:
        """Compare the worker's clock, read between our request and its reply, with ours."""
        off = max(member.asked_at - reported, reported - time())
        if off > _CLOCK_LIMIT:
            self._fail(
                HarnessError(
                    f"{member.label}: its clock is at least {off:.1f} s off this machine's, so "
                    "the times in its record are wrong; synchronise both with the same time server"
                )
            )

    def _check_presence(self) -> None:
        for member in self._members.values():
            if not member.over and not self._is_connected(member):
                self._fail(
                    WorkerLostError(f"{member.label} has disappeared: it sends no heartbeats")
                )

    def _is_connected(self, member: WorkerHandle) -> bool:
        node = self._runner.clients.get(member.client)
        return node is not None and node.state != STATE_MISSING

    def _fail(self, error: HarnessError) -> None:
        self._failure = self._failure or error
        self._changed.set()

    def _send(self, message: str, member: WorkerHandle, **data: object) -> None:
        self._runner.send_message(message, {"load": self.load, **data}, client_id=member.client)
