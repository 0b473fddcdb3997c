"""Compose itself, for what only Compose can do: read its file, make a project, remove it.

`docker compose` (2) if it is installed, else `docker-compose` (1.29). HARNESS_COMPOSE names
another command, `docker-compose` for one.
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
"""A user's shell or `.env` may ask for profiles; a run is made of the default one."""


class RefusedError(StackError):
    """Compose did not do what it was told; `reason` is the last that it said."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Compose:
    """One Compose: the words that it is called by, and its version."""

    words: tuple[str, ...]
    version: str

    @classmethod
    def find(cls) -> "Compose":
        """The Compose of this machine.

        Raises:
            StackError: there is none.
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
        """The project as Compose understands it.

        Raises:
            StackError: it does not.
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
        say: Callable[[str], object],
    ) -> None:
        """Build the images of `services`; `say` is told what Compose says, line by line.

        Raises:
            StackError: Compose could not.
        """
        command = self._command(project, directory, files, "build", *services)
        said: list[str] = []
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            text=True, env=os.environ | _NO_PROFILES,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in filter(None, map(str.strip, process.stdout)):
                said.append(line)
                say(line)
        if process.returncode:
            raise self._refused(["build"], process.returncode, "\n".join(said))

    def create(self, project: str, directory: Path, files: Sequence[Path]) -> None:
        """Make networks, volumes and containers of the default profile, and start none.

        Raises:
            StackError: Compose could not.
        """
        self._run(project, directory, files, "up", "--no-start")

    def down(self, project: str, directory: Path, files: Sequence[Path], grace: int) -> None:
        """Remove the project with its volumes.

        Raises:
            StackError: Compose could not.
        """
        flags = ("--volumes", "--remove-orphans", "--timeout", str(grace))
        self._run(project, directory, files, "down", *flags)

    def _context(self) -> tuple[str, ...]:
        """What makes Compose 1 speak to the engine that we speak to; 2 finds it by itself."""
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
            raise self._refused(verb, done.returncode, done.stderr)
        return done.stdout

    def _command(
        self, project: str, directory: Path, files: Sequence[Path], *verb: str
    ) -> list[str]:
        named = [word for file in files for word in ("-f", str(file))]
        place = ["-p", project, "--project-directory", str(directory)]
        return [*self.words, *self._context(), *place, *named, *verb]

    def _refused(self, verb: Sequence[str], code: int, text: str) -> RefusedError:
        said = _said(text)
        called = shlex.join([*self.words, *verb])
        return RefusedError(f"{called} failed ({code}): {' | '.join(said)}", said[-1])


def _said(text: str) -> list[str]:
    """The last lines of `text`, which say why; of a trace, only the very last does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return lines[-1:] if any(line.startswith("Traceback ") for line in lines) else lines[-4:]


def _version(words: tuple[str, ...]) -> str:
    if shutil.which(words[0]) is None:
        return ""
    done = subprocess.run(
        [*words, "version", "--short"], check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else ""
