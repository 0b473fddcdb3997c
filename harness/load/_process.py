"""The load as a process of its own, as the runner of a scenario sees it.

    load = LoadProcess(run)         start() early: importing Locust takes a second
    load.configure(LoadConfig(...)) as soon as the addresses of the services are known
    load.ready(timeout=60)          journeys imported, arrivals drawn
    load.go(epoch)                  Unix time at which the run begins
    while load.poll() is None: ...  None until the last journey has ended
    load.stop()                     whatever its state

Instructions are sent to the process's stdin, one JSON object a line; it reports on a pipe of
its own, so that text printed by Locust or a journeys module is never taken for a report and never
blocks (it goes to `load.log`). When stdin ends, the parent has died, and the process ends itself.
It has a session of its own, so that Ctrl-C only reaches the runner.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

import msgspec

from harness.errors import HarnessError, StackError, UsageError, WorkerLostError

from ._config import REPORTS, LoadConfig

LOCUSTFILE = Path(__file__).with_name("locustfile.py")

_STOP_GRACE = 5.0
_ENDS = frozenset({"finished", "died", "lost", "problems"})


class LoadProcess:
    """One load generator.

    Args:
        run: the folder of the run.
        options: further arguments for Locust; `DistributedLoad` makes a master with them.
    """

    workers = 0
    """0: this process sends the whole load."""

    def __init__(self, run: Path, options: Sequence[str] = ()) -> None:
        self.run = run.resolve()
        self._options = tuple(options)
        self.log = self.run / "load.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reports_fd = -1
        self._pending = b""
        self._reports_seen: dict[str, list[str]] = {}
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process id; None before `start`."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, and return without waiting for it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        reports, writer = os.pipe()
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    _command(self._options),
                    cwd=self.run,
                    env=locust_environment(**{REPORTS: str(writer)}),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(writer,),
                    start_new_session=True,
                )
        except OSError as error:
            os.close(reports)
            raise StackError(f"the load generator cannot be started: {error}") from error
        finally:
            os.close(writer)
        self._reports_fd = reports

    def configure(self, config: LoadConfig) -> None:
        """Send the configuration to the process.

        Raises:
            StackError: the process has died.
        """
        part = config.part or str(self.run / "parts" / "load-0.jsonl")
        self._order({"configure": msgspec.to_builtins(msgspec.structs.replace(config, part=part))})

    def ready(self, timeout: float) -> None:
        """Wait until the load is prepared; at most `timeout` wall-clock seconds.

        Raises:
            UsageError: the journeys module or its parameters are wrong.
            StackError: the process died, or took too long.
        """
        if not self.is_ready(timeout):
            raise StackError(
                f"the load generator was not ready after {timeout:g} s; {self._tail()}"
            )

    def is_ready(self, timeout: float) -> bool:
        """Return True once it is prepared, False after `timeout` seconds.

        Raises:
            UsageError, StackError: see `ready`.
        """
        return self._await("ready", timeout) is not None

    def port(self, timeout: float) -> int:
        """Return the port at which a master listens for its workers.

        Raises:
            StackError: the process died, or took too long.
        """
        texts = self._await("listening", timeout)
        if texts is None:
            raise StackError(f"the load's master does not listen; {self._tail()}")
        return int(texts[0])

    def go(self, epoch: float) -> None:
        """Let the run begin at Unix time `epoch`.

        Raises:
            StackError: the process has died.
        """
        self._order({"go": epoch})

    def poll(self) -> int | None:
        """Return None while the load runs, 0 when the last journey has ended.

        Raises:
            StackError: it ended for another reason than `stop`.
        """
        process = self._started()
        code = process.poll()
        self._drain()
        if code is None or self._stopped or (code == 0 and "finished" in self._reports_seen):
            return code
        raise self._early_exit(code)

    def finished(self) -> bool:
        """Return True if every journey has ended and the record is complete."""
        self._drain()
        return "finished" in self._reports_seen

    def over(self) -> bool:
        """Return True if it has reported its end, of any kind; the process may still run."""
        self._drain()
        return not _ENDS.isdisjoint(self._reports_seen)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process.

        Raises:
            StackError: see `poll`; or it still runs after `timeout` wall-clock seconds.
        """
        process = self._started()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"the load generator still runs after {timeout:g} s") from error
        code = self.poll()
        return 0 if code is None else code

    def stop(self) -> None:
        """Send SIGTERM, so that it completes its record, then SIGKILL. May be called twice."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            self._stopped = True
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._drain()
        if process.stdin is not None:
            with suppress(BrokenPipeError):  # it died before it read its last instruction
                process.stdin.close()
        if self._reports_fd >= 0:
            os.close(self._reports_fd)
            self._reports_fd = -1

    # ---- instructions and reports -------------------------------------------------------------

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StackError("the load generator was not started; call start() first")
        return self._process

    def _order(self, order: dict[str, object]) -> None:
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError as error:
            raise self._early_exit(process.wait()) from error

    def _await(self, kind: str, timeout: float) -> list[str] | None:
        """Return the texts of its report `kind`; None after `timeout` seconds."""
        deadline = monotonic() + timeout
        while kind not in self._reports_seen:
            if "problems" in self._reports_seen:
                self.stop()
                raise UsageError(self._reports_seen["problems"])
            if not self._report(deadline - monotonic()):
                return None
        return self._reports_seen[kind]

    def _report(self, timeout: float) -> bool:
        """Read its next report; return False if there is none within `timeout` seconds.

        Raises:
            StackError: it ended without one.
        """
        deadline = monotonic() + timeout
        while b"\n" not in self._pending:
            left = deadline - monotonic()
            if left <= 0 or not self._readable(left):
                return False
            if not self._read():
                raise self._early_exit(self._started().wait())
        line, _, self._pending = self._pending.partition(b"\n")
        for kind, texts in json.loads(line).items():
            self._reports_seen[kind] = [str(text) for text in texts]
        return True

    def _readable(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self._reports_fd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _read(self) -> bool:
        data = os.read(self._reports_fd, 65536)
        self._pending += data
        return bool(data)

    def _drain(self) -> None:
        """Read the reports that have arrived, without waiting."""
        while self._reports_fd >= 0 and self._readable(0) and self._read():
            pass
        while b"\n" in self._pending:
            self._report(0)

    def _early_exit(self, code: int) -> HarnessError:
        """Return the error for a process that ended before the load did."""
        if "lost" in self._reports_seen:
            return WorkerLostError(" ".join(self._reports_seen["lost"]))
        return StackError(f"the load generator ended early (exit code {code}): {self._tail()}")

    def _tail(self) -> str:
        """Return its reported reason, or the last lines of its log, in one line."""
        if "died" in self._reports_seen:
            return " ".join(self._reports_seen["died"])
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        text = " | ".join(line.strip() for line in lines[-5:] if line.strip())
        return f"{text or 'its log is empty'} ({self.log})"


def _command(options: Sequence[str]) -> list[str]:
    # -P keeps the working directory off the import path. One user spawns a greenlet for each
    # arrival. Requests fail in every outage, so they must not make Locust exit with 1.
    locust = "--headless --users 1 --spawn-rate 1 --only-summary --exit-code-on-error 0"
    return [sys.executable, *locust_arguments(), *locust.split(), *options]


def locust_arguments() -> list[str]:
    """Return the arguments with which Python starts Locust on the harness's locustfile."""
    return ["-P", "-m", "locust", "-f", str(LOCUSTFILE)]


def locust_environment(**added: str) -> dict[str, str]:
    """Return this process's environment without LOCUST_ variables, with this harness importable."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
    root = str(Path(__file__).parents[2])
    path = [root, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), **added}
