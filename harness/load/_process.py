"""The load as a process of its own, as the conductor of a run sees it.

    load = LoadProcess(run)         start() at once: importing Locust takes a second
    load.configure(LoadConfig(...)) as soon as the addresses of the services are known
    load.ready(timeout=60)          journeys imported, arrivals drawn
    load.go(epoch)                  Unix time at which the run begins
    while load.poll() is None: ...  None while people arrive or are still under way
    load.stop()                     in any case

Orders go down the process's stdin, one JSON object a line; what it reports comes up a pipe of
its own, so that whatever Locust or a journeys module prints cannot be taken for a report and can
never block (it goes to `load.log`). When stdin ends, the parent is gone and the process ends
itself; it is in a session of its own, so that Ctrl-C reaches the conductor alone.
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

    `options`: further words for Locust's command line (`DistributedLoad` makes a master so).
    """

    workers = 0
    """How many workers share its load; 0: it does everything itself."""

    def __init__(self, run: Path, options: Sequence[str] = ()) -> None:
        self.run = run.resolve()
        self._options = tuple(options)
        self.log = self.run / "load.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reports = -1
        self._pending = b""
        self._told: dict[str, list[str]] = {}
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process, once started."""
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
        self._reports = reports

    def configure(self, config: LoadConfig) -> None:
        """Tell the process what its load is.

        Raises:
            StackError: the process is gone.
        """
        part = config.part or str(self.run / "parts" / "load-0.jsonl")
        self._order({"configure": msgspec.to_builtins(msgspec.structs.replace(config, part=part))})

    def ready(self, timeout: float) -> None:
        """Wait until everything is prepared; at most `timeout` seconds.

        Raises:
            UsageError: the journeys module or its parameters are wrong.
            StackError: the process died, or took too long.
        """
        if not self.is_ready(timeout):
            raise StackError(
                f"the load generator was not ready after {timeout:g} s; {self._tail()}"
            )

    def is_ready(self, timeout: float) -> bool:
        """Whether it is within `timeout` seconds; raises as `ready` does."""
        return self._await("ready", timeout) is not None

    def port(self, timeout: float) -> int:
        """The port at which a master listens for its workers.

        Raises:
            StackError: the process died, or took too long.
        """
        told = self._await("listening", timeout)
        if told is None:
            raise StackError(f"the load's master does not listen; {self._tail()}")
        return int(told[0])

    def go(self, epoch: float) -> None:
        """Let the run begin at Unix time `epoch`.

        Raises:
            StackError: the process is gone.
        """
        self._order({"go": epoch})

    def poll(self) -> int | None:
        """None while it runs, 0 once everybody has arrived and was served.

        Raises:
            StackError: it ended otherwise, and not because of `stop`.
        """
        process = self._started()
        code = process.poll()
        self._drain()
        if code is None or self._stopped or (code == 0 and "finished" in self._told):
            return code
        raise self._early(code)

    def finished(self) -> bool:
        """Whether it has told that everybody was served, and its record is complete."""
        self._drain()
        return "finished" in self._told

    def over(self) -> bool:
        """Whether it has told of its end, whichever it is; the process may still be there."""
        self._drain()
        return not _ENDS.isdisjoint(self._told)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; as `poll`, and StackError after `timeout` seconds."""
        process = self._started()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"the load generator still runs after {timeout:g} s") from error
        code = self.poll()
        return 0 if code is None else code

    def stop(self) -> None:
        """End it: SIGTERM, so that it completes its record, then SIGKILL. May be called twice."""
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
            with suppress(BrokenPipeError):  # an order that it did not live to read
                process.stdin.close()
        if self._reports >= 0:
            os.close(self._reports)
            self._reports = -1

    # ---- talking to it ------------------------------------------------------------------------

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
            raise self._early(process.wait()) from error

    def _await(self, kind: str, timeout: float) -> list[str] | None:
        """What it says when it reports `kind`; None after `timeout` seconds."""
        deadline = monotonic() + timeout
        while kind not in self._told:
            if "problems" in self._told:
                self.stop()
                raise UsageError(self._told["problems"])
            if not self._report(deadline - monotonic()):
                return None
        return self._told[kind]

    def _report(self, timeout: float) -> bool:
        """Take its next report in; False if there is none within `timeout` seconds.

        Raises:
            StackError: it ended without one.
        """
        deadline = monotonic() + timeout
        while b"\n" not in self._pending:
            left = deadline - monotonic()
            if left <= 0 or not self._readable(left):
                return False
            if not self._read():
                raise self._early(self._started().wait())
        line, _, self._pending = self._pending.partition(b"\n")
        for kind, texts in json.loads(line).items():
            self._told[kind] = [str(text) for text in texts]
        return True

    def _readable(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self._reports, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _read(self) -> bool:
        data = os.read(self._reports, 65536)
        self._pending += data
        return bool(data)

    def _drain(self) -> None:
        """Take in whatever it has reported, without waiting."""
        while self._reports >= 0 and self._readable(0) and self._read():
            pass
        while b"\n" in self._pending:
            self._report(0)

    def _early(self, code: int) -> HarnessError:
        """Why it ended before its time."""
        if "lost" in self._told:
            return WorkerLostError(" ".join(self._told["lost"]))
        return StackError(f"the load generator ended early (exit code {code}): {self._tail()}")

    def _tail(self) -> str:
        """Why it died, in its own words or the last ones of its log, on one line."""
        if "died" in self._told:
            return " ".join(self._told["died"])
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        said = " | ".join(line.strip() for line in lines[-5:] if line.strip())
        return f"{said or 'it said nothing'} ({self.log})"


def _command(options: Sequence[str]) -> list[str]:
    # -P: the working directory is not a place to import from. One user, which spawns a greenlet
    # for each arrival; failed requests are what a rehearsal is for, and no reason to exit with 1.
    locust = "--headless --users 1 --spawn-rate 1 --only-summary --exit-code-on-error 0"
    return [sys.executable, *locust_words(), *locust.split(), *options]


def locust_words() -> list[str]:
    """What a Python is told that it starts Locust with the harness's own locustfile."""
    return ["-P", "-m", "locust", "-f", str(LOCUSTFILE)]


def locust_environment(**added: str) -> dict[str, str]:
    """This process's environment, less whatever configures Locust, plus the way to this harness."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
    root = str(Path(__file__).parents[2])
    path = [root, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), **added}
