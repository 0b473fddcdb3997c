"""The Compose command, for what only Compose can do: read its file, create and remove a project.

`docker compose` (2) if it is installed, else `docker-compose` (1.29). HARNESS_COMPOSE names
another command.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import StackError

from ._engine import CONTEXT

VARIABLE = "HARNESS_COMPOSE"
_NO_PROFILES = {"COMPOSE_PROFILES": ""}
"""The user's shell or `.env` may select profiles; a run uses the default one."""


class ComposeError(StackError):
    """Compose failed; `reason` is the last line of its output."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Compose:
    """An installed Compose: the words of its command, and its version."""

    words: tuple[str, ...]
    version: str

    @classmethod
    def find(cls) -> "Compose":
        """Return the Compose of this machine.

        Raises:
            StackError: none is installed.
        """
        given = os.environ.get(VARIABLE)
        tried = (
            [tuple(shlex.split(given))] if given else [("docker", "compose"), ("docker-compose",)]
        )
        for words in tried:
            version = _version(words)
            if version:
                return cls(words, version)
        raise StackError(
            f"no Docker Compose answers to {' or '.join(shlex.join(words) for words in tried)}; "
            "install the Compose plugin (2) or docker-compose (1.29)"
        )

    def config(self, project: str, directory: Path, files: Sequence[Path]) -> dict[str, Any]:
        """Return the project as `compose config` prints it.

        Raises:
            StackError: Compose rejects the files.
        """
        text = self._run(project, directory, files, "config")
        content = yaml.safe_load(text)
        return content if isinstance(content, dict) else {}

    def build(
        self,
        project: str,
        directory: Path,
        files: Sequence[Path],
        services: Sequence[str],
        write: Callable[[str], object],
    ) -> None:
        """Build the images of `services`; call `write` with each line of Compose's output.

        Raises:
            StackError: the build failed.
        """
        command = self._command(project, directory, files, "build", *services)
        output: list[str] = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            text=True, env=os.environ | _NO_PROFILES,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in filter(None, map(str.strip, process.stdout)):
                output.append(line)
                write(line)
        if process.returncode:
            raise self._failure(["build"], process.returncode, "\n".join(output))

    def create(self, project: str, directory: Path, files: Sequence[Path]) -> None:
        """Create networks, volumes and containers of the default profile; start none.

        Raises:
            StackError: Compose failed.
        """
        self._run(project, directory, files, "up", "--no-start")

    def down(self, project: str, directory: Path, files: Sequence[Path], grace: int) -> None:
        """Remove the project with its volumes.

        Args:
            project: its name.
            directory: the stack's directory.
            files: the Compose files.
            grace: seconds between SIGTERM and SIGKILL of a container.

        Raises:
            StackError: Compose failed.
        """
        flags = ("--volumes", "--remove-orphans", "--timeout", str(grace))
        self._run(project, directory, files, "down", *flags)

    def _context(self) -> tuple[str, ...]:
        """Return the option that makes Compose 1 use DOCKER_CONTEXT; Compose 2 reads it itself."""
        name = os.environ.get(CONTEXT)
        if name and self.version.startswith("1.") and not os.environ.get("DOCKER_HOST"):
            return ("--context", name)
        return ()

    def _run(self, project: str, directory: Path, files: Sequence[Path], *verb: str) -> str:
        done = subprocess.run(
            self._command(project, directory, files, *verb), check=False, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, env=os.environ | _NO_PROFILES,
        )  # fmt: skip
        if done.returncode:
            raise self._failure(verb, done.returncode, done.stderr)
        return done.stdout

    def _command(
        self, project: str, directory: Path, files: Sequence[Path], *verb: str
    ) -> list[str]:
        named = [word for file in files for word in ("-f", str(file))]
        place = ["-p", project, "--project-directory", str(directory)]
        return [*self.words, *self._context(), *place, *named, *verb]

    def _failure(self, verb: Sequence[str], code: int, text: str) -> ComposeError:
        lines = _reason_lines(text)
        command = shlex.join([*self.words, *verb])
        return ComposeError(f"{command} failed ({code}): {' | '.join(lines)}", lines[-1])


def _reason_lines(text: str) -> list[str]:
    """Return the last lines of `text`, which hold the reason; only the last one of a traceback."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no output"]
    return lines[-1:] if any(line.startswith("Traceback ") for line in lines) else lines[-4:]


def _version(words: tuple[str, ...]) -> str:
    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(
        [*words, "version", "--short"], check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else ""
