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

from .._reading import FILES
from .._spec import StackSpec
from ._command import Compose


@dataclass(frozen=True)
class Images:
    """What the services of the default profile are made of.

    `pulled` are the tags that no service builds; `built` are the services that do.
    """

    pulled: tuple[str, ...]
    built: tuple[str, ...]
    _spec: StackSpec
    _compose: Compose
    _names: str

    def build(self, say: Callable[[str], object]) -> None:
        """Let Compose build; `say` is told what it says, line by line.

        Raises:
            StackError: a build failed.
        """
        if not self.built:
            return
        spec = self._spec
        with tempfile.TemporaryDirectory(prefix="outage-harness-") as folder:
            names = Path(folder, "names.yml")
            names.write_text(self._names)
            files = [compose_file(spec), names]
            self._compose.build(spec.name, spec.directory, files, self.built, say)


def read_images(spec: StackSpec) -> Images:
    """The images of the stack.

    Raises:
        StackError: there is no Compose, or it does not understand the file.
    """
    compose = Compose.find()
    config = compose.config(spec.name, spec.directory, [compose_file(spec)])
    services = default_profile(config)
    built = {name: image_of(name, body, spec) for name, body in services.items() if _builds(body)}
    named = dict.fromkeys(str(body["image"]) for body in services.values() if body.get("image"))
    pulled = tuple(tag for tag in named if tag not in built.values())
    names = json.dumps({"services": {name: {"image": built[name]} for name in built}})
    return Images(pulled, tuple(built), spec, compose, names)


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


def built_unnamed(config: Mapping[str, Any]) -> list[str]:
    """The services that are built and whose image the file does not name."""
    services = default_profile(config)
    return [name for name, body in services.items() if _builds(body) and not body.get("image")]


def _builds(body: Mapping[str, Any]) -> bool:
    return bool(body.get("build"))
