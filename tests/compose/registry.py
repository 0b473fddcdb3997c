"""A real image registry on loopback, for tests that pull images.

It is the `docker-registry` of Debian's package (github.com/distribution/distribution), found on the
PATH or named by HARNESS_REGISTRY. An engine uses plain HTTP with a registry at 127.0.0.1.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from docker.errors import ImageNotFound

VARIABLE = "HARNESS_REGISTRY"

_CONFIG = """\
version: 0.1
log: {accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: DATA}}
http: {addr: "127.0.0.1:0"}
"""


def registry_program() -> str | None:
    """Return the path of the registry's program; None if it is not installed."""
    return os.environ.get(VARIABLE) or shutil.which("docker-registry")


class Registry:
    """A running registry; `address` is `127.0.0.1:PORT`."""

    def __init__(self, engine: docker.DockerClient, address: str) -> None:
        self.address, self._engine = address, engine
        self._tags: set[str] = set()

    def tag(self, name: str) -> str:
        """Return the tag of `name` (`pay:1`) in this registry; `forget` removes its image."""
        tag = f"{self.address}/{name}"
        self._tags.add(tag)
        return tag

    def push(self, image: str, name: str) -> str:
        """Push `image` as `name`, and remove the new tag from the engine; return the tag."""
        tag = self.tag(name)
        assert self._engine.images.get(image).tag(tag)
        events = [*self._engine.api.push(tag, stream=True, decode=True)]
        assert not [event for event in events if "error" in event], events[-1]
        self._engine.images.remove(tag)
        return tag

    def forget(self) -> None:
        """Remove this registry's images from the engine."""
        for tag in self._tags:
            with suppress(ImageNotFound):
                self._engine.images.remove(tag, force=True)


@contextmanager
def running_registry(engine: docker.DockerClient, program: str, folder: Path) -> Iterator[Registry]:
    """Run a registry that stores its images in `folder`."""
    config = folder / "registry.yml"
    config.write_text(_CONFIG.replace("DATA", str(folder / "data")))
    with subprocess.Popen(
        [program, "serve", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            output = ""
            while not (found := re.search(r"listening on (127\.0\.0\.1:\d+)", output)):
                line = process.stdout.readline()
                assert line, f"{program} exited: {output}"
                output += line
            registry = Registry(engine, found[1])
            yield registry
            registry.forget()
        finally:
            process.kill()
