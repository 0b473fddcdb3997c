"""The images of a stack as its Compose file has them: those that are named, and those it builds.

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
from ._engine import told


@dataclass(frozen=True)
class Images:
    """What the services of the default profile are made of.

    `pulled` are the tags that no service builds; `built` has the tag for each service that does;
    `unnamed` are those of them whose tag is not the file's own.
    """

    pulled: tuple[str, ...]
    built: Mapping[str, str]
    unnamed: tuple[str, ...]
    _spec: StackSpec
    _compose: Compose

    @property
    def tags(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys([*self.pulled, *self.built.values()]))

    def missing(self, client: docker.DockerClient) -> list[str]:
        """The tags that the engine does not have.

        Raises:
            StackError: it does not answer.
        """
        with told("the engine's images cannot be listed"):
            return [tag for tag in self.tags if not _has_image(client, tag)]

    def build(self, say: Callable[[str], object]) -> None:
        """Let Compose build; `say` is told what it says, line by line.

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
            self._compose.build(spec.name, spec.directory, files, [*self.built], say)


def read_images(spec: StackSpec) -> Images:
    """The images of the stack.

    Raises:
        StackError: there is no Compose, or it does not understand the file.
    """
    compose = Compose.find()
    return images_in(compose.config(spec.name, spec.directory, [compose_file(spec)]), spec, compose)


def images_in(config: Mapping[str, Any], spec: StackSpec, compose: Compose) -> Images:
    """The images of the stack that `compose` reads as `config`."""
    services = default_profile(config)
    built = {name: image_of(name, body, spec) for name, body in services.items() if _builds(body)}
    unnamed = tuple(name for name in built if not services[name].get("image"))
    named = dict.fromkeys(str(body["image"]) for body in services.values() if body.get("image"))
    pulled = tuple(tag for tag in named if tag not in built.values())
    return Images(pulled, built, unnamed, spec, compose)


def _has_image(client: docker.DockerClient, tag: str) -> bool:
    """Whether the engine has an image of that name."""
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def compose_file(spec: StackSpec) -> Path:
    """The Compose file that the stack was read from."""
    return next(path for name in FILES if (path := spec.directory / name).is_file())


def default_profile(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The services of a project that Compose reads as `config`, without those of other profiles."""
    declared: Mapping[str, Any] = config.get("services") or {}
    return {name: body for name, body in declared.items() if not body.get("profiles")}


def image_of(name: str, body: Mapping[str, Any], spec: StackSpec) -> str:
    """The tag of a service's image, if the file gives none the one that Compose 2 would give it.

    Left to Compose it had the name of the run's own project in it, and each run left an image.
    """
    return str(body.get("image") or f"{spec.name}-{name}")


def _builds(body: Mapping[str, Any]) -> bool:
    return bool(body.get("build"))
