"""One running stack with its faults and its growing history."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace

from harness.chaos import Chaos
from harness.history import AnyEvent, CurrentModes, History, Started, merge
from harness.run import LiveState, Recorder, marked
from harness.stack import Backend, NodeStatus, Settings, Stack, read_stack

_TIMEOUT = 60.0
"""Wall-clock seconds for one request of a test."""


class LiveStack:
    """A running stack: requests to its services, faults on it, and the history so far."""

    def __init__(
        self, stack: Stack, chaos: Chaos, recorder: Recorder, live_state: LiveState, part: Path
    ) -> None:
        self.chaos = chaos
        self.live_state = live_state
        self._stack = stack
        self._recorder = recorder
        self._part = part
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=False)  # noqa: S501 - loopback

    @classmethod
    @contextmanager
    def start(
        cls, directory: Path, folder: Path, backend: Backend, *, pace: float = 1.0
    ) -> Iterator["LiveStack"]:
        """Run a stack during the block.

        Args:
            directory: the stack's directory.
            folder: for its state and the history.
            backend: where it runs; it also makes the clock.
            pace: scenario seconds per wall-clock second.

        Raises:
            UsageError: the stack's file is wrong; then nothing was written.
            StackError: the stack does not start.
        """
        spec = read_stack(directory, os.environ)
        part = folder / "parts" / "harness.jsonl"
        clock = backend.make_clock()
        with ExitStack() as resources:
            # For `harness heal`, if this process is killed.
            resources.enter_context(marked(spec.directory, folder.resolve()))
            recorder = Recorder(part, clock)
            resources.callback(recorder.close)
            live_state = LiveState(clock)
            recorder.watch(live_state.observe)
            stack = backend.make_stack(spec, folder)
            resources.callback(stack.close)
            epoch = clock.time()
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
                Chaos(stack, folder, emit=recorder.now, clock=clock, pace=pace, seed=0)
            )
            live = cls(stack, chaos, recorder, live_state, part)
            resources.enter_context(live._http)
            yield live

    def get(self, service: str, path: str, **options: Any) -> httpx.Response:
        """Send a GET request directly to `service`, via no link; `options` are httpx's."""
        return self._http.get(self._url(service, path), **options)

    def post(self, service: str, path: str, **options: Any) -> httpx.Response:
        """Send a POST request directly to `service`, via no link; `options` are httpx's."""
        return self._http.post(self._url(service, path), **options)

    def put(self, service: str, path: str, **options: Any) -> httpx.Response:
        """Send a PUT request directly to `service`, via no link; `options` are httpx's."""
        return self._http.put(self._url(service, path), **options)

    def status(self) -> list[NodeStatus]:
        """Return the present state of each service's process or container."""
        return self._stack.status()

    def seconds(self) -> float:
        """Return the wall-clock seconds since the stack was started."""
        return self._recorder.t

    def history(self, since: float = 0.0) -> History:
        """Return the events so far, from second `since` on, in order of time and numbered from 0.

        Services report a mode only when it changes. So that the history is complete, the mode that
        each service had at `since` is in it as an event at that time.
        """
        modes = CurrentModes()
        kept: list[AnyEvent] = []
        later: list[AnyEvent] = []
        for event in merge([self._part]):
            if event.t >= since:
                later.append(event)
                continue
            modes.apply(event)
            if isinstance(event, Started):
                kept.append(event)
        kept += (replace(event, t=since) for event in modes)
        return History(replace(e, index=index) for index, e in enumerate([*kept, *later]))

    def _url(self, service: str, path: str) -> str:
        return f"http://{self._stack.address(service)}{path}"
