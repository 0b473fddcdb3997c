"""One running stack with its chaos and its growing history."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import httpx

from harness.chaos import Chaos
from harness.history import History, Started, read_lines
from harness.run import MakeStack, Recorder
from harness.stack import NodeStatus, Settings, Stack, read_stack


class LiveStack:
    """What the fixtures give to a test."""

    def __init__(self, stack: Stack, chaos: Chaos, recorder: Recorder, part: Path) -> None:
        self.chaos = chaos
        self._stack = stack
        self._recorder = recorder
        self._part = part
        self._http = httpx.Client(timeout=60.0, trust_env=False, verify=False)  # noqa: S501 - loopback

    @classmethod
    @contextmanager
    def start(
        cls, directory: Path, folder: Path, make: MakeStack, *, pace: float = 1.0
    ) -> Iterator["LiveStack"]:
        """Start the stack of `directory`, keeping its state and evidence in `folder`.

        Raises:
            UsageError: the stack's file is wrong.
            StackError: it does not start.
        """
        part = folder / "parts" / "harness.jsonl"
        recorder = Recorder(part)
        stack = make(read_stack(directory, os.environ), folder)
        epoch = time()
        origin = datetime.fromtimestamp(epoch, UTC)
        recorder.begin(
            epoch,
            Started(
                t=0.0,
                scenario="live",
                seed=0,
                pace=pace,
                epoch=epoch,
                origin=origin.isoformat(timespec="seconds"),
                rung=stack.rung,
            ),
        )
        try:
            settings = Settings(pace=pace, epoch=epoch, origin=origin)
            stack.start(settings, lines=recorder.line, nodes=recorder.node)
            with Chaos(stack, folder, emit=recorder.now, pace=pace, seed=0) as chaos:
                live = cls(stack, chaos, recorder, part)
                with live._http:
                    yield live
        finally:
            stack.close()
            recorder.close()

    def get(self, service: str, path: str, **options: Any) -> httpx.Response:
        """GET from `service`, past every link."""
        return self._http.get(self._url(service, path), **options)

    def post(self, service: str, path: str, **options: Any) -> httpx.Response:
        """POST to `service`, past every link."""
        return self._http.post(self._url(service, path), **options)

    def put(self, service: str, path: str, **options: Any) -> httpx.Response:
        """PUT to `service`, past every link."""
        return self._http.put(self._url(service, path), **options)

    def status(self) -> list[NodeStatus]:
        """How each service stands."""
        return self._stack.status()

    def seconds(self) -> float:
        """Real seconds since the stack was started."""
        return self._recorder.t

    def history(self, since: float = 0.0) -> History:
        """What has been seen so far, from second `since` on."""
        events = list(read_lines(self._part))
        return History([e for e in events if e.t >= since or isinstance(e, Started)])

    def _url(self, service: str, path: str) -> str:
        return f"http://{self._stack.address(service)}{path}"
