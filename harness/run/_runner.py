"""Walks the arrow: starts the stack and the load, carries out the timeline, reads, heals, ends.

    outcome = execute(prepare("pdns2_2024", Path(".")), backend=get_backend("local"))

Whatever happens, in this order: faults are healed, the load ends, the stack is closed, the parts
are merged, and what is there is judged. SIGINT, SIGTERM and SIGHUP end a run early and in order.
"""

import shlex
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from threading import Thread, current_thread, main_thread
from time import monotonic, time
from types import FrameType

from harness.chaos import Chaos
from harness.errors import HarnessError, UnhealedError, WorkerLostError
from harness.history import Ended, Node, Phase, Started, damaged, merge, write_history
from harness.load import LoadConfig, RunLoad
from harness.stack import Backend, Settings, Stack

from ._active import marked
from ._folder import RunFolder
from ._live_state import LiveState, Tailer
from ._load import MakeLoad, single_process
from ._outcome import Outcome, RunErrors, damage, judge, write_errors
from ._prepare import Prepared
from ._recorder import Recorder
from ._settle import await_quiescence, final_reads
from ._timeline import Timeline

_HEAD_START = 4.5
"""Real seconds from the start of the stack until people arrive: the stack and Locust are ready by
then on two cores. A slower machine begins later, and the calendar moves with it."""

_STEP_GRACE = 10.0
"""Real seconds for a step that is under way to heal its fault once the run is over."""

_LOAD_READY = 60.0
_LOAD_GRACE = 45.0
"""Real seconds: people who came in time are served for so long after the last arrival."""


def execute(
    prepared: Prepared,
    *,
    backend: Backend,
    make_load: MakeLoad = single_process,
    base: Path,
    out: Path | None = None,
    watch: Callable[[LiveState, Recorder], None] | None = None,
) -> Outcome:
    """Run a scenario and judge it.

    `watch` is called once, before anything starts, and may observe the live_state and the recorder.

    Raises:
        UsageError: `out` cannot be used.
        HarnessError: the evidence cannot be written.
    """
    folder = RunFolder.create(out, base, prepared.scenario.name)
    with folder.writing():
        folder.keep_scenario(prepared.scenario)
    run = _Run(
        prepared,
        folder,
        backend.make_stack(prepared.spec, folder.path),
        make_load(prepared.spec, folder.path),
    )
    if watch is not None:
        watch(run.live_state, run.recorder)
    with run.interruptible(), marked(prepared.spec.directory, folder.path):
        run.conduct()
    parts = sorted(folder.parts.glob("*.jsonl"))
    with folder.writing():
        write_errors(folder, run.errors(lost=sum(damaged(part) for part in parts)))
        write_history(folder.history, merge(parts))
    return judge(folder.path)


class _Run:
    def __init__(self, prepared: Prepared, folder: RunFolder, stack: Stack, load: RunLoad) -> None:
        self.scenario = prepared.scenario
        self.prepared = prepared
        self.folder = folder
        self.stack = stack
        self.load = load
        self.live_state = LiveState()
        self.recorder = Recorder(folder.parts / "harness.jsonl")
        self.recorder.watch(self.live_state.observe)
        self.stop = Flag()
        self.load_over = Flag()
        self._interrupted = ""
        self._inconclusive: list[str] = []
        self._broken: list[str] = []
        self._unhealed: list[str] = []

    # ---- the run itself ---------------------------------------------------------------------

    def conduct(self) -> None:
        """Everything from the first process to the last; never raises for what a run can meet."""
        try:
            self._conduct()
        except UnhealedError as error:
            self._unhealed.append(str(error))
        except WorkerLostError as error:
            self._interrupted = self._interrupted or str(error)
        except HarnessError as error:
            self._broken.append(str(error))
        except Exception as error:  # noqa: BLE001 - a full disk, or a bug: the run ends in order
            self._broken.append(f"{type(error).__name__}: {error}{self._keep_trace()}")
        finally:
            self.load_over.set()
            self.stop.set()
            try:
                self.stack.close()
            except HarnessError as error:
                self._broken.append(str(error))
            try:
                if not self.recorder.begun:  # whatever was seen of a stack that never came up
                    self.recorder.begin(time(), self._started(time(), time()))
            except OSError as error:
                self._unrecorded(error)
            self.recorder.close()

    def _conduct(self) -> None:
        epoch = time() + _HEAD_START
        load = self.load
        try:
            self._start(load, epoch)
            if self.stop.is_set():
                return
            self._begin(load, epoch)
            with Chaos(
                self.stack,
                self.folder.path,
                emit=self.recorder.now,
                pace=self.scenario.pace,
                seed=self.scenario.seed,
            ) as chaos:
                self._story(load, chaos)
        finally:
            load.stop()

    def _start(self, load: RunLoad, epoch: float) -> None:
        scenario = self.scenario
        settings = Settings(
            pace=scenario.pace,
            epoch=epoch,
            origin=self._origin(epoch, epoch),
            environment={name: o.environment for name, o in scenario.overrides.items()},
            apps={name: o.app for name, o in scenario.overrides.items() if o.app},
        )
        load.start()
        self.stack.start(settings, lines=self._line, nodes=self._node)
        self.folder.keep_stack(self.prepared.spec, self.stack, self._command())
        load.configure(
            LoadConfig(
                journeys=scenario.load.journeys,
                directory=str(self.prepared.spec.directory),
                params=scenario.load.params,
                seed=scenario.seed,
                pace=scenario.pace,
                duration=scenario.load.duration,
                grace=_LOAD_GRACE,
                addresses={
                    name: self.stack.address(name)
                    for name, service in self.prepared.spec.services.items()
                    if service.port is not None
                },
            )
        )
        load.ready(_LOAD_READY)
        if load.workers:  # containers of the stack by now, whose image is evidence as well
            self.folder.keep_stack(self.prepared.spec, self.stack, self._command())

    def _begin(self, load: RunLoad, planned: float) -> None:
        epoch = max(planned, time() + 0.05)
        load.go(epoch)
        self.stop.wait(epoch - time())
        self.recorder.begin(epoch, self._started(epoch, planned))

    def _story(self, load: RunLoad, chaos: Chaos) -> None:
        self._phase("load")
        timeline = Timeline(
            self.scenario, self.prepared.faults, self.stack, chaos, self.recorder, self.live_state,
            self.stop, self.load_over,
        )  # fmt: skip
        timeline.start()
        try:
            self._await_load(load)
            self._phase("settle")
            deadline = monotonic() + self.scenario.settle / self.scenario.pace
            self._settle(timeline, lambda: deadline - monotonic())
        finally:
            self.load_over.set()
            self.stop.set()
            timeline.wait(lambda: _STEP_GRACE)
            self._inconclusive += timeline.problems

    def _await_load(self, load: RunLoad) -> None:
        follower = Tailer(self.folder.parts, self.live_state)
        while load.poll() is None and not self.stop.wait(0.1):
            follower.read()
        if load.poll() is None:
            load.stop()
        follower.read()
        self.load_over.set()

    def _settle(self, timeline: Timeline, remaining: Callable[[], float]) -> None:
        if not timeline.wait(remaining):
            self._inconclusive.append("steps of the timeline were still under way at the end")
        busy = await_quiescence(self.stack, self.stop, remaining)
        if self.stop.is_set():
            return  # cut short: without `ended`, no check takes what it lacks for a failure
        self._phase("reads")
        for read in final_reads(self.stack):
            self.recorder.now(read)
        self.recorder.now(Ended(t=0.0, quiescent=not busy, reason=busy))

    # ---- what it is told --------------------------------------------------------------------

    def _line(self, service: str, line: bytes, moment: float) -> None:
        try:
            self.recorder.line(service, line, moment)
        except OSError as error:
            self._unrecorded(error)

    def _unrecorded(self, error: OSError) -> None:
        """What cannot be recorded did not happen as far as any check knows: the run ends."""
        self._broken.append(f"{self.folder.parts}: the history cannot be written: {error.strerror}")
        self.stop.set()

    def _node(self, node: Node) -> None:
        try:
            self.recorder.node(node)
        except OSError as error:
            self._unrecorded(error)
        if node.state == "exited" and not node.planned:
            self._broken.append(f"{node.service} exited although nobody asked it to: {node.detail}")
            self.stop.set()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and a closed terminal end the run in order, as often as they come."""
        if current_thread() is not main_thread():
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            del frame
            if not self.stop.is_set():
                self._interrupted = f"interrupted by {signal.Signals(number).name}"
                # From a thread of its own: the handler may have interrupted the recorder itself.
                Thread(target=self._phase, args=("interrupted",), daemon=True).start()
            self.stop.set()

        ends = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup harness run` goes on
            ends.append(signal.SIGHUP)
        before = {number: signal.signal(number, interrupt) for number in ends}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def errors(self, lost: int) -> RunErrors:
        """What went wrong beside the system under test; `lost` lines of the history are damaged."""
        if lost:
            self._inconclusive.append(damage(lost))
        return RunErrors(
            interrupted=self._interrupted,
            inconclusive=tuple(self._inconclusive),
            broken=tuple(self._broken),
            unhealed=tuple(self._unhealed),
        )

    # ---- small things -----------------------------------------------------------------------

    def _keep_trace(self) -> str:
        """Keep the trace of what is handled now; where it is, or nothing if there is no room."""
        where = self.folder.path / "harness.log"
        try:
            where.write_text(traceback.format_exc())
        except OSError:
            return ""
        return f"; the trace is in {where}"

    def _phase(self, name: str) -> None:
        self.recorder.now(Phase(t=0.0, name=name))

    def _started(self, epoch: float, planned: float) -> Started:
        return Started(
            t=0.0,
            scenario=self.scenario.name,
            seed=self.scenario.seed,
            pace=self.scenario.pace,
            epoch=epoch,
            origin=self._origin(epoch, planned).isoformat(timespec="seconds"),
            backend=self.stack.backend,
        )

    def _origin(self, epoch: float, planned: float) -> datetime:
        """Life at `epoch`: the scenario's hour, and later by what the stack was late."""
        origin = self.scenario.origin or datetime.fromtimestamp(planned, UTC)
        return origin + timedelta(seconds=(epoch - planned) * self.scenario.pace)

    def _command(self) -> str:
        """The command line that runs this again."""
        parts = ["harness", "run", self.prepared.source, "--seed", str(self.scenario.seed)]
        parts += ["--on", self.stack.backend]
        if self.load.workers:
            parts += ["--workers", str(self.load.workers)]
        if self.prepared.spec.directory != Path.cwd():
            parts += ["--stack", str(self.prepared.spec.directory)]
        return shlex.join(parts)
