"""The folder of one run: the evidence, enough to judge again with no stack running."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from harness import __version__
from harness.errors import HarnessError, UsageError
from harness.scenario import Scenario, one_line_problems
from harness.stack import Stack, StackSpec


class _Stack(msgspec.Struct):
    """What is read of `stack.json`; it may come from anywhere."""

    directory: str = ""
    command: str = ""
    harness: str = ""
    checks: tuple[str, ...] = ()
    versions: dict[str, str] = {}


@dataclass(frozen=True)
class RunFolder:
    """Paths of what is kept of a run (DESIGN section 9)."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, base: Path, name: str) -> "RunFolder":
        """A new, empty folder: `out`, or one named by scenario and hour under `base`/runs.

        Raises:
            UsageError: `out` exists and is not empty, or cannot be made.
        """
        if out is None:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            out = base / "runs" / f"{name}-{stamp}-{os.getpid()}"
        try:
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise UsageError(f"{out}: is not empty; name a new folder with --out")
            (out / "parts").mkdir()
            (out / "logs").mkdir()
        except OSError as error:
            raise UsageError(f"{out}: cannot be made: {error.strerror}; choose --out") from error
        return cls(out.resolve())

    @property
    def parts(self) -> Path:
        """Where each process appends its events while the run lasts."""
        return self.path / "parts"

    @property
    def history(self) -> Path:
        """The merged history."""
        return self.path / "history.jsonl"

    def keep_scenario(self, scenario: Scenario) -> None:
        """Keep the scenario, seed included, as it is executed."""
        self.write(
            "scenario.json",
            scenario.model_dump_json(indent=1, by_alias=True, exclude_none=True) + "\n",
        )

    def scenario(self) -> Scenario:
        """The scenario that was executed.

        Raises:
            UsageError: the folder holds none, so it is no run's.
            HarnessError: it cannot be read.
        """
        path = self.path / "scenario.json"
        try:
            return Scenario.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            told = "holds no run, for there is no scenario.json; name the folder of a run"
            raise UsageError(f"{self.path}: {told}") from error
        except OSError as error:
            raise HarnessError(f"{path}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            (first, *_) = one_line_problems(str(path), error, Scenario)
            raise HarnessError(f"{first}; copy the run again") from error

    def keep_stack(self, spec: StackSpec, stack: Stack, command: str) -> None:
        """Keep what ran, and where."""
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

    def stack(self) -> dict[str, Any]:
        """What `keep_stack` kept; empty if the stack never came up."""
        try:
            content = json.loads((self.path / "stack.json").read_text())
            msgspec.convert(content, _Stack)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            where = self.path / "stack.json"
            raise HarnessError(f"{where}: is damaged: {error}; copy the run again") from error
        return dict(content)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While evidence is written.

        Raises:
            HarnessError: it cannot be, such as on a full disk.
        """
        try:
            yield
        except OSError as error:
            cure = f"make room or mend rights, then harness judge {self.path}"
            told = f"the evidence cannot be written: {error.strerror or error}; {cure}"
            raise HarnessError(f"{self.path}: {told}") from error

    def write(self, name: str, text: str) -> None:
        """Write one file in one step."""
        draft = self.path / f".{name}.draft"
        draft.write_text(text, encoding="utf-8")
        draft.replace(self.path / name)
