"""Lets Compose make the containers of a stack, and remove them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import docker

from harness.errors import StackError

from .._protocol import Settings
from .._saved_stack import already_running
from .._spec import StackSpec
from ._command import Compose, RefusedError
from ._engine import told
from ._images import compose_file, images_in
from ._override import Override, make_override
from ._project import Project, lives
from ._sweep import remove

_ATTEMPTS = 3
_GRACE = 2
"""Seconds that a container may take to end when its stack is closed."""


class Maker:
    """Compose at work for one project."""

    def __init__(self, client: docker.DockerClient, spec: StackSpec, project: Project) -> None:
        self.compose = Compose.find()
        self._client, self._spec, self._project = client, spec, project

    def refuse_living(self) -> None:
        """See that nothing of the project runs.

        Raises:
            StackError: something does, or the engine does not answer.
        """
        if self._lives():
            raise already_running(self._project.state_dir)

    def require_living(self) -> None:
        """The opposite of `refuse_living`."""
        if not self._lives():
            raise StackError(
                f"{self._project.state_dir}: no stack runs here; start one: harness up"
            )

    def make(self, settings: Settings) -> Override:
        """Make networks, volumes and containers, in place of what a dead stack has left of them.

        Raises:
            StackError: Compose could not.
        """
        project, directory = self._project, self._spec.directory
        with told(f"{project.name}: what is left of it cannot be removed"):
            remove(self._client, project)
        project.marker.write_text(f"{project.name}\n")
        config = self.compose.config(project.name, directory, [compose_file(self._spec)])
        images = images_in(config, self._spec, self.compose)
        for attempt in range(1, _ATTEMPTS + 1):
            override = make_override(config, self._spec, settings, project, self._client)
            project.override.write_text(override.text)
            if images.unnamed and attempt == 1:  # so that what runs is what is there
                self.compose.build(project.name, directory, self._files(), images.unnamed, _unheard)
            try:
                self.compose.create(project.name, directory, self._files())
            except RefusedError as error:
                if attempt < _ATTEMPTS and "overlaps" in str(error):
                    remove(self._client, project)
                    continue  # somebody took the subnet just now
                if missing := images.missing(self._client):
                    raise StackError(
                        f"{project.name}: no image {', '.join(missing)}, and Compose could not get "
                        f"it ({error.reason}); harness images build makes what can be made without "
                        "a registry"
                    ) from error
                raise
            return override
        raise AssertionError  # the last attempt returned or raised

    def unmake(self) -> None:
        """Remove everything of the project.

        Raises:
            StackError: the engine does not answer, or keeps something.
        """
        project = self._project
        with suppress(StackError):  # then it is removed piece by piece
            self.compose.down(project.name, self._spec.directory, self._files(), _GRACE)
        with told(f"{project.name}: cannot be removed; harness heal does it later"):
            remove(self._client, project)
        project.forget()

    def _lives(self) -> bool:
        with told(f"{self._project.name}: its containers cannot be listed"):
            return any(map(lives, self._project.containers(self._client).values()))

    def _files(self) -> Sequence[Path]:
        return [compose_file(self._spec), self._project.override]


def _unheard(_line: str) -> None:
    pass
