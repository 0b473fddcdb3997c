"""The workers of one load as their master sees them: what they are told, and what they send.

A worker reports, in this order: `clock` with its time of day; `ready`, or `problems`; then
`finished`, or `died` with a reason. `lost`: it was ended by somebody else. `stopped`: it was told
to end, and its record is complete.
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

_LOOK_EVERY = 0.5
_CLOCK_LIMIT = 0.1
"""Seconds: what a worker records is dated by its own clock."""

_OVER = ("finished", "stopped", "died", "problems", "lost")


class Member:
    """One worker: how far it is, and its part of the history."""

    def __init__(self, client: str, name: str, index: int, parts: Path) -> None:
        self.client, self.name, self.index = client, name, index
        self.state = "configured"
        self.asked = time()
        self._part = PartFile(parts / f"load-{index}.jsonl")
        self._next = 0

    @property
    def called(self) -> str:
        """For people: its number in the record, and its name."""
        return f"load worker {self.index} ({self.name})"

    @property
    def over(self) -> bool:
        """Whether it has nothing more to send."""
        return self.state in _OVER

    def take(self, number: int, lines: bytes) -> None:
        """Append what it recorded.

        Raises:
            WorkerLostError: something before it never arrived.
            RecorderError: the disk.
        """
        if number != self._next:
            raise WorkerLostError(f"{self.called}: a part of its record was lost on the way here")
        self._next += 1
        self._part.put(lines)

    def close(self, t: float) -> None:
        """Complete the part, in its place if it did not."""
        if not self.over:
            died = Generator(t=t, worker=str(self.index), cpu=0.0, state="died")
            self._part.put(msgspec.json.encode(died) + b"\n")
        self._part.close()


class Crew:
    """Everybody of one load. `clients`: Locust's id of each worker -> its name.

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
        self._news = Event()
        self._ending = self._closed = False
        ordered = sorted(clients.items(), key=lambda item: (len(item[1]), item[1], item[0]))
        self._members = {
            client: Member(client, name, index, parts)
            for index, (client, name) in enumerate(ordered)
        }

    def configure(self) -> None:
        """Give each its share."""
        count = len(self._members)
        for member in self._members.values():
            own = msgspec.structs.replace(
                self._config, worker_index=member.index, worker_count=count, part=""
            )
            member.asked = time()
            self._send(CONFIGURE, member, config=msgspec.to_builtins(own))

    def go(self, epoch: float) -> None:
        """Let all begin at `epoch`."""
        self._epoch = epoch
        for member in self._members.values():
            self._send(GO, member, epoch=epoch)

    def await_all(self, state: str) -> None:
        """Return when every worker has reported `state`.

        Raises:
            UsageError: the journeys or their parameters are wrong.
            WorkerLostError: one is gone.
            HarnessError: one cannot go on, or what it recorded cannot be written here.
        """
        while any(member.state != state for member in self._members.values()):
            self._news.clear()
            self._look()
            if self._failure is not None:
                raise self._failure
            self._news.wait(_LOOK_EVERY)

    def end(self, patience: float = 2.0) -> None:
        """Stop whoever is still at it, and complete every part."""
        if self._ending:
            return
        self._ending = True
        for member in self._members.values():
            if not member.over and self._here(member):
                self._send(END, member)
        with gevent.Timeout(patience, False):
            while any(not m.over and self._here(m) for m in self._members.values()):
                self._news.clear()
                self._news.wait(_LOOK_EVERY)
        self._closed = True
        t = time() - self._epoch if self._epoch is not None else 0.0
        for member in self._members.values():
            try:
                member.close(t)
            except HarnessError as error:  # the exit code says that the record is not whole
                self._failure = self._failure or error

    # ---- what they say ------------------------------------------------------------------------

    def take_report(self, client: str, data: Mapping[str, Any]) -> None:
        """`report` of one of them."""
        member = self._member(client, data)
        if member is None:
            return
        kind, texts = str(data["kind"]), [str(text) for text in data["texts"]]
        if kind == "clock":
            self._compare(member, float(texts[0]))
        else:
            member.state = kind
        if kind == "problems":
            self._fail(UsageError(texts))
        elif kind == "died":
            self._fail(HarnessError(f"{member.called}: {' '.join(texts)}"))
        elif kind == "lost":
            self._fail(WorkerLostError(f"{member.called} is gone: {' '.join(texts)}"))
        self._news.set()

    def take_record(self, client: str, data: Mapping[str, Any]) -> None:
        """`record` of one of them."""
        member = self._member(client, data)
        if member is None:
            return
        try:
            member.take(data["number"], data["lines"])
        except HarnessError as error:
            self._fail(error)

    def _member(self, client: str, data: Mapping[str, Any]) -> Member | None:
        """Who says this about the load that is under way, if anybody does."""
        ours = not self._closed and data["load"] == self.load
        return self._members.get(client) if ours else None

    def _compare(self, member: Member, told: float) -> None:
        """Its clock with ours: it was read between our question and the answer's arrival."""
        off = max(member.asked - told, told - time())
        if off > _CLOCK_LIMIT:
            self._fail(
                HarnessError(
                    f"{member.called}: its clock is at least {off:.1f} s off this machine's, and "
                    "it dates what it does by it; let both follow the same time server"
                )
            )

    def _look(self) -> None:
        for member in self._members.values():
            if not member.over and not self._here(member):
                self._fail(WorkerLostError(f"{member.called} is gone: nothing is heard of it"))

    def _here(self, member: Member) -> bool:
        node = self._runner.clients.get(member.client)
        return node is not None and node.state != STATE_MISSING

    def _fail(self, error: HarnessError) -> None:
        self._failure = self._failure or error
        self._news.set()

    def _send(self, message: str, member: Member, **data: object) -> None:
        self._runner.send_message(message, {"load": self.load, **data}, client_id=member.client)
