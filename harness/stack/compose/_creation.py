"""Create and remove a stack's containers with Docker Compose."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import docker

from harness.errors import StackError
from harness.files import PRIVATE, write_file

from .._protocol import Settings
from .._saved_stack import already_running, no_stack
from .._spec import StackSpec
from ._command import Compose, ComposeError
from ._engine import engine_errors
from ._images import compose_file, images_in
from ._override import Override, make_override
from ._project import Project, is_running
from ._sweep import remove_resources

_ATTEMPTS = 3
_GRACE = 2
"""Seconds between SIGTERM and SIGKILL of a container when its stack is closed."""


class Creation:
    """Creates and removes the containers of one project."""

    def __init__(self, client: docker.DockerClient, spec: StackSpec, project: Project) -> None:
        self.compose = Compose.find()
        self._client, self._spec, self._project = client, spec, project

    def require_stopped(self) -> None:
        """Check that no container of the project runs.

        Raises:
            StackError: one does, or the engine does not answer.
        """
        if self._is_running():
            raise already_running(self._project.state_dir)

    def require_running(self) -> None:
        """Check that a container of the project runs.

        Raises:
            StackError: none does, or the engine does not answer.
        """
        if not self._is_running():
            raise no_stack(self._project.state_dir)

    def create(self, settings: Settings) -> Override:
        """Create networks, volumes and containers, after removing those of an earlier stack.

        Raises:
            StackError: Compose failed.
        """
        project, directory = self._project, self._spec.directory
        with engine_errors(f"{project.name}: the remains of an earlier stack cannot be removed"):
            remove_resources(self._client, project)
        project.marker.write_text(f"{project.name}\n")
        config = self.compose.config(project.name, directory, [compose_file(self._spec)])
        images = images_in(config, self._spec, self.compose)
        for attempt in range(1, _ATTEMPTS + 1):
            override = make_override(config, self._spec, settings, project, self._client)
            write_file(project.override, override.text.encode(), mode=PRIVATE)
            if images.unnamed and attempt == 1:  # so that the current source runs
                self.compose.build(project.name, directory, self._files(), images.unnamed, _discard)
            try:
                self.compose.create(project.name, directory, self._files())
            except ComposeError as error:
                if attempt < _ATTEMPTS and "overlaps" in str(error):
                    remove_resources(self._client, project)
                    continue  # another run has just taken the subnet
                if missing := images.missing(self._client):
                    raise StackError(
                        f"{project.name}: no image {', '.join(missing)}, and Compose could not "
                        f"pull it ({error.reason}); run harness images build, which can build some "
                        "images without a registry"
                    ) from error
                raise
            return override
        raise AssertionError  # the last attempt returned or raised

    def remove(self) -> None:
        """Remove the containers, networks and volumes of the project.

        Raises:
            StackError: the engine does not answer, or refuses.
        """
        project = self._project
        with suppress(StackError):  # whatever is left is removed below, one by one
            self.compose.down(project.name, self._spec.directory, self._files(), _GRACE)
        with engine_errors(f"{project.name}: cannot be removed; harness heal does it later"):
            remove_resources(self._client, project)
        project.forget()

    def _is_running(self) -> bool:
        with engine_errors(f"{self._project.name}: its containers cannot be listed"):
            return any(map(is_running, self._project.containers(self._client).values()))

    def _files(self) -> Sequence[Path]:
        return [compose_file(self._spec), self._project.override]


def _discard(_line: str) -> None:
    pass
