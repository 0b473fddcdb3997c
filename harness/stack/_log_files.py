"""What the services of a stack said, a file each: the only thing that stays when the stack ends."""

import os
from pathlib import Path


class LogFiles:
    """The files in one `folder`, on every backend."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def begin(self) -> None:
        """Make the folder, and leave nothing in it of an earlier stack.

        Raises:
            OSError: it cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self.found().values():
            old.unlink()

    def path(self, service: str) -> Path:
        """Where the lines of `service` are kept."""
        return self._folder / f"{service}.log"

    def found(self) -> dict[str, Path]:
        """Service -> its file, for those that there are."""
        return {path.stem: path for path in sorted(self._folder.glob("*.log"))}

    def log_tail(self, service: str) -> str:
        """The end of the log of `service`, for an error message."""
        lines = self._last_lines(service, 3)
        said = f"its last lines: {' | '.join(lines)}" if lines else "it said nothing"
        return f"{said} (whole log: {self.path(service)})"

    def _last_lines(self, service: str, count: int) -> list[str]:
        try:
            with self.path(service).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 4096))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        return [line.strip() for line in lines if line.strip()][-count:]
