"""`harness logs` for a stack in containers: the engine keeps their output."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread

import docker
from docker.models.containers import Container

from harness.errors import UsageError

from ._engine import ENGINE_ERRORS, connect, engine_errors
from ._logs import stamped_lines
from ._project import Project

Write = Callable[[str], object]


def print_container_logs(
    state_dir: Path, services: Sequence[str], *, follow: bool, write: Write
) -> None:
    """Write the logs of `services` (all of them if none is named), a name before each line.

    Raises:
        UsageError: a service has no container.
        StackError: no Docker engine answers.
    """
    project = Project.find(state_dir)
    client = connect()
    try:
        with engine_errors(f"{state_dir}: the containers' logs cannot be read"):
            found = project.containers(client) if project is not None else {}
            if unknown := [name for name in services if name not in found]:
                names = ", ".join(sorted(found)) or "none; start the stack with harness up"
                raise UsageError(f"{unknown[0]}: has no container; one of {names}")
            chosen = {name: found[name] for name in sorted(found) if name in (services or found)}
            _write_logs(client, chosen, follow=follow, write=write)
    finally:
        client.close()


def _write_logs(
    client: docker.DockerClient, containers: Mapping[str, Container], *, follow: bool, write: Write
) -> None:
    def write_log(name: str) -> None:
        frames = client.api.logs(
            containers[name].id or name, stream=True, follow=follow, timestamps=True
        )
        for _, line in stamped_lines(frames):
            write(f"{name} | {line.decode(errors='replace')}\n")

    if not follow:
        for name in containers:
            write_log(name)
        return
    failed: list[Exception] = []

    def try_to_write(name: str) -> None:
        try:
            write_log(name)
        except ENGINE_ERRORS as error:
            failed.append(error)

    # Daemon threads: Ctrl-C ends the following and must not wait for a silent container.
    threads = [Thread(target=try_to_write, args=(name,), daemon=True) for name in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
