"""A real image registry on loopback, for tests of what is pulled.

The `docker-registry` of Debian's package (github.com/distribution/distribution), found on the PATH
or named by HARNESS_REGISTRY. An engine speaks plain HTTP with one at 127.0.0.1.
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
    """Where the registry's program is, if there is one."""
    return os.environ.get(VARIABLE) or shutil.which("docker-registry")


class Registry:
    """A registry that runs: `127.0.0.1:PORT`."""

    def __init__(self, engine: docker.DockerClient, address: str) -> None:
        self.address, self._engine = address, engine
        self._tags: set[str] = set()

    def tag(self, name: str) -> str:
        """`name` (`pay:1`) of this registry; the engine's image of it is removed at the end."""
        tag = f"{self.address}/{name}"
        self._tags.add(tag)
        return tag

    def push(self, image: str, name: str) -> str:
        """Put the engine's `image` there as `name`, and leave the engine without that tag."""
        tag = self.tag(name)
        assert self._engine.images.get(image).tag(tag)
        said = [*self._engine.api.push(tag, stream=True, decode=True)]
        assert not [event for event in said if "error" in event], said[-1]
        self._engine.images.remove(tag)
        return tag

    def forget(self) -> None:
        """Remove from the engine what was pulled."""
        for tag in self._tags:
            with suppress(ImageNotFound):
                self._engine.images.remove(tag, force=True)


@contextmanager
def running_registry(engine: docker.DockerClient, program: str, folder: Path) -> Iterator[Registry]:
    """A registry that keeps what it has in `folder`."""
    config = folder / "registry.yml"
    config.write_text(_CONFIG.replace("DATA", str(folder / "data")))
    with subprocess.Popen(
        [program, "serve", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while not (found := re.search(r"listening on (127\.0\.0\.1:\d+)", said)):
                line = process.stdout.readline()
                assert line, f"{program} ended: {said}"
                said += line
            registry = Registry(engine, found[1])
            yield registry
            registry.forget()
        finally:
            process.kill()
