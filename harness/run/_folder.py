"""The folder of one run: all evidence, enough to judge the run again without a running stack."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from harness import __version__
from harness.errors import HarnessError, UsageError
from harness.files import write_file
from harness.scenario import Scenario, one_line_problems
from harness.stack import Stack, StackSpec

from ._format import write_format


class _Stack(msgspec.Struct):
    """The fields of `stack.json` that are used; the file may come from anywhere."""

    name: str = ""
    command: str = ""
    harness: str = ""
    checks: tuple[str, ...] = ()
    versions: dict[str, str] = {}


@dataclass(frozen=True)
class RunFolder:
    """The files of a run (DESIGN section 9)."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, base: Path, name: str, now: datetime) -> "RunFolder":
        """Create a new, empty folder, which only its owner can enter.

        During the run it is also the state directory of the stack.

        Args:
            out: the folder; None for one in `base`/runs, named by `name` and `now`.
            base: the stack's directory.
            name: the scenario's name.
            now: the present time, in UTC.

        Raises:
            UsageError: `out` is not empty, or the folder cannot be created.
        """
        if out is None:
            out = base / "runs" / f"{name}-{now:%Y%m%d-%H%M%S}-{os.getpid()}"
        try:
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise UsageError(f"{out}: is not empty; name a new folder with --out")
            write_format(out)
            (out / "parts").mkdir()
            (out / "logs").mkdir()
        except OSError as error:
            text = f"cannot be created: {error.strerror}; choose another with --out"
            raise UsageError(f"{out}: {text}") from error
        return cls(out.resolve())

    @property
    def parts(self) -> Path:
        """Return the folder in which each process appends its events during the run."""
        return self.path / "parts"

    @property
    def history(self) -> Path:
        """Return the file of the merged history."""
        return self.path / "history.jsonl"

    def write_scenario(self, scenario: Scenario) -> None:
        """Store the scenario as it is executed, with its seed."""
        self.write(
            "scenario.json",
            scenario.model_dump_json(indent=1, by_alias=True, exclude_none=True) + "\n",
        )

    def read_scenario(self) -> Scenario:
        """Return the scenario that was executed.

        Raises:
            UsageError: there is none, so the folder is not a run's.
            HarnessError: it is damaged.
        """
        path = self.path / "scenario.json"
        try:
            return Scenario.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            text = "holds no run: it has no scenario.json; name the folder of a run"
            raise UsageError(f"{self.path}: {text}") from error
        except OSError as error:
            raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            (first, *_) = one_line_problems(str(path), error, Scenario)
            raise HarnessError(f"{first}; copy the run again") from error

    def write_stack(self, spec: StackSpec, stack: Stack, command: str) -> None:
        """Store what runs, where, in which versions, and the command that repeats the run."""
        content = {
            "name": spec.name,
            "directory": str(spec.directory),
            "backend": stack.backend,
            "harness": __version__,
            "versions": stack.versions(),
            "checks": spec.checks,
            "sites": {site: spec.at(site) for site in spec.sites},
            "services": {
                name: {"site": service.site, "depends_on": dict(service.depends_on)}
                for name, service in spec.services.items()
            },
            "links": {name: asdict(link) for name, link in spec.links.items()},
            "command": command,
        }
        self.write("stack.json", json.dumps(content, indent=1) + "\n")

    def read_stack(self) -> dict[str, Any]:
        """Return what `write_stack` stored; empty if the stack never came up.

        Raises:
            HarnessError: the file is damaged.
        """
        path = self.path / "stack.json"
        try:
            content = json.loads(path.read_text())
            msgspec.convert(content, _Stack)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise HarnessError(f"{path}: is damaged: {error}; copy the run again") from error
        return dict(content)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn an OSError in the block into an error that says what to do.

        Raises:
            HarnessError: the evidence cannot be written, for example on a full disk.
        """
        try:
            yield
        except OSError as error:
            cure = f"free disk space or fix permissions, then run harness judge {self.path}"
            text = f"the evidence cannot be written: {error.strerror or error}; {cure}"
            raise HarnessError(f"{self.path}: {text}") from error

    def write(self, name: str, text: str) -> None:
        """Write one file atomically."""
        write_file(self.path / name, text.encode())
