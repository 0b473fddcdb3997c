"""The log files of a stack, one per service; they stay when the stack ends."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from harness.errors import UsageError

LIMIT_VARIABLE = "HARNESS_LOG_LIMIT"
"""The environment variable with another limit, such as `1GB`."""

_DEFAULT_LIMIT = 256 << 20
"""Bytes after which the log file of a service is cut: a service must not fill the disk."""


def log_limit() -> int:
    """Return the bytes after which a log file is cut.

    Raises:
        UsageError: the environment has a limit that is not a size.
    """
    text = os.environ.get(LIMIT_VARIABLE)
    if not text:
        return _DEFAULT_LIMIT
    # Loads pydantic, which the supervisor does without.
    from harness.scenario import parse_size  # noqa: PLC0415

    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{LIMIT_VARIABLE}: {error}") from error


class LogFiles:
    """The log files in one `folder`; every backend writes them in the same way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def begin(self) -> None:
        """Create the folder, and remove the logs of an earlier stack from it.

        Raises:
            OSError: the folder cannot be written.
            UsageError: see `log_limit`.
        """
        log_limit()
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in (*self.found().values(), *self._folder.glob("*.lost")):
            old.unlink()

    def path(self, service: str) -> Path:
        """Return the path of the log of `service`, whether it exists or not."""
        return self._folder / f"{service}.log"

    def found(self) -> dict[str, Path]:
        """Return a map of service to log file, for the files that exist."""
        return {path.stem: path for path in sorted(self._folder.glob("*.log"))}

    def mark_lost(self, service: str) -> None:
        """Note that lines of `service` were lost before the harness read them."""
        with suppress(OSError):
            (self._folder / f"{service}.lost").touch()

    def lost(self) -> list[str]:
        """Return the services of which lines were lost."""
        return [path.stem for path in sorted(self._folder.glob("*.lost"))]

    def log_tail(self, service: str) -> str:
        """Return a phrase for error messages: the last log lines of `service`, and the path."""
        lines = self._last_lines(service, 3)
        tail = f"its last lines: {' | '.join(lines)}" if lines else "it wrote no output"
        return f"{tail} (full log: {self.path(service)})"

    def _last_lines(self, service: str, count: int) -> list[str]:
        try:
            with self.path(service).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 4096))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        return [line.strip() for line in lines if line.strip()][-count:]


def lost_lines(state_dir: Path) -> list[str]:
    """Return the services of the stack in `state_dir` of which lines were lost, events perhaps."""
    return LogFiles(state_dir / "logs").lost()


class LogWriter:
    """Appends lines to one log file, up to `log_limit` bytes, of which the last line then tells.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        self._left = log_limit() - os.fstat(self._descriptor).st_size
        """Bytes until it is cut; negative once it was, also by an earlier process."""

    def write(self, lines: Iterable[bytes]) -> None:
        """Append `lines`; those beyond the limit are left out."""
        if self._left < 0:
            return
        data = b"".join(line + b"\n" for line in lines)
        if len(data) > self._left:
            kept = data[: self._left]
            end = b"" if kept.endswith(b"\n") or not kept else b"\n"
            data = kept + end + _cut_notice()
        self._left -= len(data)
        with suppress(OSError):  # a full disk must not stop the stack
            os.write(self._descriptor, data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _cut_notice() -> bytes:
    text = (
        f"harness: this log is cut here, at {log_limit()} bytes; the events in the lines that "
        f"follow are still read; {LIMIT_VARIABLE} sets another limit\n"
    )
    return text.encode()
