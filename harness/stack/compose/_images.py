"""The images of a stack, from its Compose file: those that are pulled, and those that are built.

images = read_images(spec)
for tag in images.pulled: ...
images.build(print)
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound

from .._reading import FILES
from .._spec import StackSpec
from ._command import Compose
from ._engine import engine_errors


@dataclass(frozen=True)
class Images:
    """The images of the services in the default profile."""

    pulled: tuple[str, ...]
    """The tags that no service builds."""
    built: Mapping[str, str]
    """Service with a `build:` -> its tag."""
    unnamed: tuple[str, ...]
    """The services with a `build:` and without an `image:`."""
    _spec: StackSpec
    _compose: Compose

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, each once."""
        return tuple(dict.fromkeys([*self.pulled, *self.built.values()]))

    def missing(self, client: docker.DockerClient) -> list[str]:
        """Return the tags that the engine does not have.

        Raises:
            StackError: the engine does not answer.
        """
        with engine_errors("the engine's images cannot be listed"):
            return [tag for tag in self.tags if not _has_image(client, tag)]

    def build(self, write: Callable[[str], object]) -> None:
        """Let Compose build the images; call `write` with each line of its output.

        Raises:
            StackError: a build failed.
        """
        if not self.built:
            return
        spec = self._spec
        named = {"services": {name: {"image": tag} for name, tag in self.built.items()}}
        with tempfile.TemporaryDirectory(prefix="outage-harness-") as folder:
            names = Path(folder, "names.yml")
            names.write_text(json.dumps(named))
            files = [compose_file(spec), names]
            self._compose.build(spec.name, spec.directory, files, [*self.built], write)


def read_images(spec: StackSpec) -> Images:
    """Return the images of the stack.

    Raises:
        StackError: Compose is not installed, or rejects the file.
    """
    compose = Compose.find()
    return images_in(compose.config(spec.name, spec.directory, [compose_file(spec)]), spec, compose)


def images_in(config: Mapping[str, Any], spec: StackSpec, compose: Compose) -> Images:
    """Return the images of the stack, given the output of `compose config`."""
    services = default_profile(config)
    built = {name: image_of(name, body, spec) for name, body in services.items() if _builds(body)}
    unnamed = tuple(name for name in built if not services[name].get("image"))
    named = dict.fromkeys(str(body["image"]) for body in services.values() if body.get("image"))
    pulled = tuple(tag for tag in named if tag not in built.values())
    return Images(pulled, built, unnamed, spec, compose)


def _has_image(client: docker.DockerClient, tag: str) -> bool:
    """Return True if the engine has an image with this tag."""
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def compose_file(spec: StackSpec) -> Path:
    """Return the Compose file that the stack was read from."""
    return next(path for name in FILES if (path := spec.directory / name).is_file())


def default_profile(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the services in the output of `compose config`, without those that have profiles."""
    declared: Mapping[str, Any] = config.get("services") or {}
    return {name: body for name, body in declared.items() if not body.get("profiles")}


def image_of(name: str, body: Mapping[str, Any], spec: StackSpec) -> str:
    """Return the tag of a service's image; without `image:`, the one that Compose 2 would give.

    Compose itself would use the project name of the run, and each run would leave an image.
    """
    return str(body.get("image") or f"{spec.name}-{name}")


def _builds(body: Mapping[str, Any]) -> bool:
    return bool(body.get("build"))
