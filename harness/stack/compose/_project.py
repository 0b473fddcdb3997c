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
from ._marker import MARKER

STATE_LABEL = "org.outage-harness.state"
"""Label: the state directory of the stack that a container, network or volume belongs to."""

WORKER_LABEL = "org.outage-harness.worker"
"""Label: the container is a load worker (`_workers`), not a service of the stack."""

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
_ONE_OFF_LABEL = "com.docker.compose.oneoff"


@dataclass(frozen=True)
class Project:
    """The Compose project of the stack whose state is in `state_dir`."""

    name: str
    state_dir: Path

    @classmethod
    def of(cls, stack: str, state_dir: Path) -> "Project":
        """Return the project of `state_dir`. Each directory has its own, so runs can overlap."""
        root = state_dir.resolve()
        digest = hashlib.sha256(str(root).encode()).hexdigest()[:8]
        return cls(f"{re.sub('[^a-z0-9]', '', stack.lower()) or 'stack'}-{digest}", root)

    @classmethod
    def find(cls, state_dir: Path) -> "Project | None":
        """Return the project whose marker is in `state_dir`; None without a marker."""
        try:
            name = (state_dir / MARKER).read_text().strip()
        except OSError:
            return None
        return cls(name, state_dir.resolve())

    @property
    def marker(self) -> Path:
        """The path of the marker file (`MARKER`)."""
        return self.state_dir / MARKER

    @property
    def saved_spec(self) -> Path:
        """The path of the file with the spec of a detached stack, which `attach` reads."""
        return self.state_dir / STATE_FILE

    @property
    def override(self) -> Path:
        """The path of the override file, which adds to the Compose file."""
        return self.state_dir / "compose.override.yml"

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of everything in this project, in addition to Compose's own."""
        return {STATE_LABEL: str(self.state_dir)}

    @property
    def filters(self) -> dict[str, Any]:
        """The engine's filter for what has both labels of this project, whatever its name."""
        return {"label": [f"{PROJECT_LABEL}={self.name}", f"{STATE_LABEL}={self.state_dir}"]}

    def forget(self) -> None:
        """Delete the marker and the saved spec; call it when nothing of the project is left."""
        self.marker.unlink(missing_ok=True)
        self.saved_spec.unlink(missing_ok=True)

    def containers(self, client: docker.DockerClient) -> dict[str, Container]:
        """Return service -> its container, running or not, without one-off containers."""
        found = client.containers.list(all=True, filters=self.filters, ignore_removed=True)
        return {
            container.labels[SERVICE_LABEL]: container
            for container in found
            if container.labels.get(_ONE_OFF_LABEL, "False") != "True"
        }


def is_running(container: Container) -> bool:
    """Return True if the container is running or paused, as of its last reload."""
    return container.status in ("running", "paused", "restarting")
