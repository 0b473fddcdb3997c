"""The log files of a stack, one per service; they stay when the stack ends."""

import os
from pathlib import Path


class LogFiles:
    """The log files in one `folder`; every backend writes them in the same way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def begin(self) -> None:
        """Create the folder, and remove the logs of an earlier stack from it.

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self.found().values():
            old.unlink()

    def path(self, service: str) -> Path:
        """Return the path of the log of `service`, whether it exists or not."""
        return self._folder / f"{service}.log"

    def found(self) -> dict[str, Path]:
        """Return a map of service to log file, for the files that exist."""
        return {path.stem: path for path in sorted(self._folder.glob("*.log"))}

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
