"""A Compose project: its name, labels and marker file; its containers are found by label."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from .._saved_stack import STATE_FILE

MARKER = "compose.project"
"""A file in the state directory: there may be something of the project that it names."""

OWN = "org.outage-harness.state"
"""Label: the state directory of the stack that a container, network or volume belongs to."""

WORKER = "org.outage-harness.worker"
"""Label: the container is a load worker (`_workers`), not a service of the stack."""

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
_ONE_OFF = "com.docker.compose.oneoff"


@dataclass(frozen=True)
class Project:
    """The Compose project of the stack whose state is in `state_dir`."""

    name: str
    state_dir: Path

    @classmethod
    def of(cls, stack: str, state_dir: Path) -> "Project":
        """Return the project of a state directory; each has its own, so several runs may go on."""
        root = state_dir.resolve()
        mark = hashlib.sha256(str(root).encode()).hexdigest()[:8]
        return cls(f"{re.sub('[^a-z0-9]', '', stack.lower()) or 'stack'}-{mark}", root)

    @classmethod
    def left_in(cls, state_dir: Path) -> "Project | None":
        """Return the project that was started in `state_dir`; None if none was."""
        try:
            name = (state_dir / MARKER).read_text().strip()
        except OSError:
            return None
        return cls(name, state_dir.resolve())

    @property
    def marker(self) -> Path:
        """The file that exists while something of this project may be on the engine."""
        return self.state_dir / MARKER

    @property
    def left(self) -> Path:
        """The file that describes a stack left running on purpose, for `attach`."""
        return self.state_dir / STATE_FILE

    @property
    def override(self) -> Path:
        """The override: what the harness adds to the Compose file."""
        return self.state_dir / "compose.override.yml"

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of everything in this project, in addition to Compose's own."""
        return {OWN: str(self.state_dir)}

    @property
    def filters(self) -> dict[str, Any]:
        """The engine's filter for everything of this project."""
        return {"label": [f"{PROJECT}={self.name}", f"{OWN}={self.state_dir}"]}

    def forget(self) -> None:
        """Remove the marker files, once nothing of this project is left."""
        self.marker.unlink(missing_ok=True)
        self.left.unlink(missing_ok=True)

    def containers(self, client: docker.DockerClient) -> dict[str, Container]:
        """Service -> its container, running or not."""
        found = client.containers.list(all=True, filters=self.filters, ignore_removed=True)
        return {
            container.labels[SERVICE]: container
            for container in found
            if container.labels.get(_ONE_OFF, "False") != "True"
        }


def is_running(container: Container) -> bool:
    """Whether it runs, as the engine last said."""
    return container.status in ("running", "paused", "restarting")
