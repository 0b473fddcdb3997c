"""What is one project's: its name, its labels, its marker on disk; containers found by label."""

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
"""Label: the container sends load (`_workers`), and is none of the stack's services."""

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
        """A project of its own for each state directory: runs may go side by side."""
        root = state_dir.resolve()
        mark = hashlib.sha256(str(root).encode()).hexdigest()[:8]
        return cls(f"{re.sub('[^a-z0-9]', '', stack.lower()) or 'stack'}-{mark}", root)

    @classmethod
    def left_in(cls, state_dir: Path) -> "Project | None":
        """The project that was once started in `state_dir`, if any was."""
        try:
            name = (state_dir / MARKER).read_text().strip()
        except OSError:
            return None
        return cls(name, state_dir.resolve())

    @property
    def marker(self) -> Path:
        """Says that there may be something of this project."""
        return self.state_dir / MARKER

    @property
    def left(self) -> Path:
        """What was started and left running on purpose, for whoever attaches to it."""
        return self.state_dir / STATE_FILE

    @property
    def override(self) -> Path:
        """What the harness adds to the Compose file."""
        return self.state_dir / "compose.override.yml"

    @property
    def labels(self) -> Mapping[str, str]:
        """What everything of this project bears beside Compose's own labels."""
        return {OWN: str(self.state_dir)}

    @property
    def filters(self) -> dict[str, Any]:
        """Finds everything of this project and nothing else, whatever its name is."""
        return {"label": [f"{PROJECT}={self.name}", f"{OWN}={self.state_dir}"]}

    def forget(self) -> None:
        """Nothing of this project is left."""
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


def lives(container: Container) -> bool:
    """Whether it runs, as the engine last said."""
    return container.status in ("running", "paused", "restarting")
