"""One running stack with its chaos and its growing history."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Any

import httpx
from msgspec.structs import replace

from harness.chaos import Chaos
from harness.history import AnyEvent, History, Mode, Started, merge
from harness.run import Recorder, marked
from harness.stack import Backend, NodeStatus, Settings, Stack, read_stack


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
        cls, directory: Path, folder: Path, backend: Backend, *, pace: float = 1.0
    ) -> Iterator["LiveStack"]:
        """Start the stack of `directory`, keeping its state and evidence in `folder`.

        Raises:
            UsageError: the stack's file is wrong.
            StackError: it does not start.
        """
        spec = read_stack(directory, os.environ)  # first: a wrong file leaves nothing behind
        part = folder / "parts" / "harness.jsonl"
        with ExitStack() as resources:
            # For `harness heal`, should this process be killed.
            resources.enter_context(marked(spec.directory, folder.resolve()))
            recorder = Recorder(part)
            resources.callback(recorder.close)
            stack = backend.make_stack(spec, folder)
            resources.callback(stack.close)
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
                    backend=stack.backend,
                ),
            )
            settings = Settings(pace=pace, epoch=epoch, origin=origin)
            stack.start(settings, lines=recorder.line, nodes=recorder.node)
            chaos = resources.enter_context(
                Chaos(stack, folder, emit=recorder.now, pace=pace, seed=0)
            )
            live = cls(stack, chaos, recorder, part)
            resources.enter_context(live._http)
            yield live

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
        """What has been seen so far, from second `since` on, by time and numbered from 0.

        The mode in which each service was at `since` is there as an event of that moment:
        services say only when it changes.
        """
        events = merge([self._part])
        before = [event for event in events if event.t < since]
        standing = {e.service: replace(e, t=since) for e in before if isinstance(e, Mode)}
        kept: list[AnyEvent] = [event for event in before if isinstance(event, Started)]
        kept += standing.values()
        kept += (event for event in events if event.t >= since)
        return History(replace(event, index=index) for index, event in enumerate(kept))

    def _url(self, service: str, path: str) -> str:
        return f"http://{self._stack.address(service)}{path}"
