"""Remove what a stack has left on the engine: what has its labels, and nothing else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import NotFound

from ._connections import addresses_of
from ._engine import ENGINE_ERRORS, connect, engine_errors
from ._project import SERVICE, Project, is_running


def remove_project(state_dir: Path) -> list[str]:
    """Remove containers, networks and volumes of a stack; return one line for each.

    Raises:
        StackError: the engine does not answer, or refuses.
    """
    project = Project.left_in(state_dir)
    if project is None:
        return []
    client = connect()
    try:
        with engine_errors(f"{project.name}: cannot be removed"):
            done = remove(client, project)
    finally:
        client.close()
    project.forget()
    return done


def was_left_running(state_dir: Path) -> bool:
    """Return True if a stack runs there that `harness up` has left running.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.left_in(state_dir)
    if project is None or not project.left.exists():
        return False
    client = connect()
    try:
        with engine_errors(f"{project.name}: its containers cannot be listed"):
            return any(map(is_running, project.containers(client).values()))
    finally:
        client.close()


def is_address_in_use(state_dir: Path, host: str) -> bool:
    """Return True if a running container of the stack of `state_dir` has the address `host`.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.left_in(state_dir)
    if project is None:
        return False
    client = connect()
    try:
        with engine_errors(f"{project.name}: its containers cannot be listed"):
            living = filter(is_running, project.containers(client).values())
            return any(host in addresses_of(container) for container in living)
    finally:
        client.close()


def remove(client: docker.DockerClient, project: Project) -> list[str]:
    """Do the same as `remove_project` with a given client."""
    done = []
    found = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    with ThreadPoolExecutor(8) as pool:
        for container in found:
            done.append(f"container {container.name} ({container.labels.get(SERVICE, '?')})")
            pool.submit(_ignore_errors, container.remove, v=True, force=True)
    left = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    for container in left:  # a second attempt, which raises its error
        container.remove(v=True, force=True)
    for network in client.networks.list(filters=project.filters):
        done.append(f"network {network.name}")
        with suppress(NotFound):
            network.remove()
    for volume in client.volumes.list(filters=project.filters):
        done.append(f"volume {volume.name}")
        with suppress(NotFound):
            volume.remove(force=True)
    return done


def _ignore_errors(remove: Callable[..., object], **options: bool) -> None:
    with suppress(*ENGINE_ERRORS):
        remove(**options)
