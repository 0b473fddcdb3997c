"""Runs the pipeline of one run: start the stack and the load, carry out the timeline, judge.

    outcome = execute(prepare("payment_outage", Path(".")), backend=get_backend("local"))

However a run ends, these steps follow in this order: faults are healed, the load is stopped, the
stack is closed, the parts of the history are merged, and the result is judged. SIGINT, SIGTERM and
SIGHUP end a run early, with the same steps.
"""

import signal
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag
from threading import Thread

from harness.chaos import Chaos
from harness.clock import Clock
from harness.errors import HarnessError, UnhealedError, WorkerLostError
from harness.files import write_file
from harness.history import Phase, count_damaged, merge, write_history
from harness.load import RunLoad
from harness.stack import Backend, Stack, lost_lines

from ._active import marked
from ._configuration import command_line, load_config, stack_settings, started
from ._errors import ErrorLog, add_damage, lost_lines_text, write_errors
from ._folder import RunFolder
from ._interruption import on_interruption
from ._live_state import LiveState
from ._load import MakeLoad, single_process
from ._outcome import Outcome, judge_folder
from ._prepare import Prepared, import_checks
from ._quiescence import await_quiescence, end_event, final_reads
from ._recorder import Recorder
from ._stack_events import StackEvents
from ._tailer import Tailer
from ._timeline import Timeline

_HEAD_START = 4.5
"""Wall-clock seconds from the start of the stack to the epoch, when the load begins. On two cores
the stack and Locust are ready by then. On a slower machine the epoch is later, and the scenario
clock at the epoch is later by the same time."""

_MIN_NOTICE = 0.05
"""Wall-clock seconds by which the load generator learns the epoch in advance."""

_STEP_GRACE = 10.0
"""Wall-clock seconds that each step still under way at the end gets to heal its fault."""

_LOAD_READY = 60.0
"""Wall-clock seconds within which the load generator must be ready."""


def execute(
    prepared: Prepared,
    *,
    backend: Backend,
    make_load: MakeLoad = single_process,
    base: Path,
    out: Path | None = None,
    watch: Callable[[LiveState], None] | None = None,
) -> Outcome:
    """Run a scenario and judge it.

    Args:
        prepared: the scenario and its stack.
        backend: where the stack runs; it also makes the run's clock.
        make_load: makes the load generator.
        base: the directory in whose `runs` folder the evidence goes.
        out: another folder for the evidence, which must be empty.
        watch: called once, before anything starts, with the live state of the run.

    Raises:
        UsageError: `out` cannot be used.
        HarnessError: the evidence cannot be written.
    """
    clock = backend.make_clock()
    now = datetime.fromtimestamp(clock.time(), UTC)
    folder = RunFolder.create(out, base, prepared.scenario.name, now)
    with folder.writing():
        folder.write_scenario(prepared.scenario)
    run = _Run(
        prepared,
        folder,
        backend.make_stack(prepared.spec, folder.path),
        make_load(prepared.spec, folder.path),
        clock,
    )
    if watch is not None:
        watch(run.live_state)
    with on_interruption(run.interrupt), marked(prepared.spec.directory, folder.path):
        run.run()
    parts = sorted(folder.parts.glob("*.jsonl"))
    with folder.writing():
        write_errors(folder, add_damage(run.log.errors(), count_damaged(parts)))
        write_history(folder.history, merge(parts))
    import_checks(prepared.spec)  # of the stack that has run: the folder names no code to run
    return judge_folder(folder)


class _Run:
    """One run from its first process to its last."""

    def __init__(
        self, prepared: Prepared, folder: RunFolder, stack: Stack, load: RunLoad, clock: Clock
    ) -> None:
        self.scenario = prepared.scenario
        self.prepared = prepared
        self.folder = folder
        self.stack = stack
        self.load = load
        self.clock = clock
        self.log = ErrorLog()
        self.live_state = LiveState(clock)
        self.recorder = Recorder(folder.parts / "harness.jsonl", clock)
        self.recorder.watch(self.live_state.observe)
        self.stop = Flag()
        """Set when the run is to end now."""
        self.load_over = Flag()
        self.stack_events = StackEvents(self.recorder, folder.parts, self.log, self.stop)

    def run(self) -> None:
        """Carry out the run; errors go to `log` and are not raised."""
        try:
            self._run()
        except UnhealedError as error:
            self.log.unhealed.append(str(error))
        except WorkerLostError as error:
            self.log.interrupted = self.log.interrupted or str(error)
        except HarnessError as error:
            self.log.broken.append(str(error))
        except Exception as error:  # noqa: BLE001 - a full disk or a bug: the run still ends in order
            self.log.broken.append(f"{type(error).__name__}: {error}{self._keep_traceback()}")
        finally:
            self.load_over.set()
            self.stop.set()
            try:
                self.stack.close()
            except HarnessError as error:
                self.log.broken.append(str(error))
            self.log.inconclusive += map(lost_lines_text, lost_lines(self.folder.path))
            try:
                if not self.recorder.has_begun:  # the stack never came up: keep what it reported
                    now = self.clock.time()
                    self._begin_history(now, now)
            except OSError as error:
                self.stack_events.end_unrecorded(error)
            self.recorder.close()

    def interrupt(self, number: signal.Signals) -> None:
        """End the run early; may be called from a signal handler, and more than once."""
        if not self.stop.is_set():
            self.log.interrupted = f"interrupted by {number.name}"
            # In another thread: the handler may have interrupted the recorder, which is locked.
            Thread(target=self._enter_phase, args=("interrupted",), daemon=True).start()
        self.stop.set()

    # ---- the phases of a run ----------------------------------------------------------------

    def _run(self) -> None:
        planned = self.clock.time() + _HEAD_START
        try:
            self._start(planned)
            if self.stop.is_set():
                return
            self._await_epoch(planned)
            with Chaos(
                self.stack,
                self.folder.path,
                emit=self.recorder.now,
                clock=self.clock,
                pace=self.scenario.pace,
                seed=self.scenario.seed,
            ) as chaos:
                self._carry_out(chaos)
        finally:
            self.load.stop()

    def _start(self, planned: float) -> None:
        """Start the stack and the load generator, for the epoch `planned`."""
        load = self.load
        load.start()
        self.stack.start(
            stack_settings(self.scenario, planned),
            lines=self.stack_events.line,
            nodes=self.stack_events.node,
        )
        self._keep_stack()
        load.configure(load_config(self.prepared, self.stack))
        load.ready(_LOAD_READY)
        if load.workers:  # they are containers of the stack now, and their image is evidence too
            self._keep_stack()

    def _await_epoch(self, planned: float) -> None:
        """Wait for the epoch: `planned`, or as soon as possible if that is over."""
        epoch = max(planned, self.clock.time() + _MIN_NOTICE)
        self.load.go(epoch)
        self.clock.wait(self.stop, epoch - self.clock.time())
        self._begin_history(epoch, planned)

    def _carry_out(self, chaos: Chaos) -> None:
        """Carry out the timeline while the load runs, then wait for quiescence and read."""
        self._enter_phase("load")
        timeline = Timeline(
            scenario=self.scenario,
            faults=self.prepared.faults,
            stack=self.stack,
            chaos=chaos,
            recorder=self.recorder,
            live_state=self.live_state,
            clock=self.clock,
            stop=self.stop,
            load_over=self.load_over,
        )
        timeline.start()
        try:
            self._await_load()
            self._enter_phase("quiescence")
            self._await_end(timeline)
        finally:
            self.load_over.set()
            self.stop.set()
            timeline.wait(lambda: _STEP_GRACE)
            self.log.inconclusive += timeline.problems

    def _await_load(self) -> None:
        """Wait until the load generator ends; end it if the run is to end."""
        tailer = Tailer(self.folder.parts, self.live_state, self.clock)
        tailer.follow(lambda: self.load.poll() is None, self.stop)
        if self.load.poll() is None:
            self.load.stop()
        tailer.read()
        self.load_over.set()

    def _await_end(self, timeline: Timeline) -> None:
        """Wait until the steps end and the system is quiescent, then take the final reads."""
        deadline = self.clock.monotonic() + self.scenario.settle / self.scenario.pace

        def remaining() -> float:
            return deadline - self.clock.monotonic()

        if not timeline.wait(remaining):
            self.log.inconclusive.append("steps of the timeline were still under way at the end")
        busy = await_quiescence(self.stack, self.stop, remaining, self.clock)
        if self.stop.is_set():
            return  # cut short: without `ended`, checks do not count what is missing as a failure
        self._enter_phase("reads")
        for read in final_reads(self.stack, self.stop, self.clock):
            self.recorder.now(read)
        if self.stop.is_set():
            return  # a read may be missing
        self.recorder.now(end_event(busy))

    # ---- details ----------------------------------------------------------------------------

    def _keep_traceback(self) -> str:
        """Store the traceback of the exception being handled; return where, as a message's end."""
        path = self.folder.path / "harness.log"
        try:
            write_file(path, traceback.format_exc().encode(errors="replace"))
        except OSError:
            return ""
        return f"; the traceback is in {path}"

    def _enter_phase(self, name: str) -> None:
        self.recorder.now(Phase(t=0.0, name=name))

    def _keep_stack(self) -> None:
        command = command_line(self.prepared, self.stack, self.load)
        self.folder.write_stack(self.prepared.spec, self.stack, command)

    def _begin_history(self, epoch: float, planned: float) -> None:
        first = started(self.scenario, self.stack.backend, epoch, planned)
        self.recorder.begin(epoch, first)
