"""Removes what a stack has left on the engine: what bears its labels, and nothing else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import NotFound

from ._connections import addresses_of
from ._engine import LOST, connect, told
from ._project import SERVICE, Project, lives


def sweep_project(state_dir: Path) -> list[str]:
    """Remove the containers, networks and volumes of the stack of `state_dir`; what they were.

    Raises:
        StackError: the engine does not answer, or keeps something.
    """
    project = Project.left_in(state_dir)
    if project is None:
        return []
    client = connect()
    try:
        with told(f"{project.name}: cannot be removed"):
            done = remove(client, project)
    finally:
        client.close()
    project.forget()
    return done


def was_left_running(state_dir: Path) -> bool:
    """Whether a stack runs there that `harness up` has left running.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.left_in(state_dir)
    if project is None or not project.left.exists():
        return False
    client = connect()
    try:
        with told(f"{project.name}: its containers cannot be listed"):
            return any(map(lives, project.containers(client).values()))
    finally:
        client.close()


def lives_at(state_dir: Path, host: str) -> bool:
    """Whether a container of the stack of `state_dir` runs and has the address `host`.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.left_in(state_dir)
    if project is None:
        return False
    client = connect()
    try:
        with told(f"{project.name}: its containers cannot be listed"):
            living = filter(lives, project.containers(client).values())
            return any(host in addresses_of(container) for container in living)
    finally:
        client.close()


def remove(client: docker.DockerClient, project: Project) -> list[str]:
    """As `sweep_project`, through a client that is there."""
    done = []
    found = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    with ThreadPoolExecutor(8) as pool:
        for container in found:
            done.append(f"container {container.name} ({container.labels.get(SERVICE, '?')})")
            pool.submit(_gone, container.remove, v=True, force=True)
    left = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    for container in left:  # once more, and with the error if there is one
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


def _gone(remove: Callable[..., object], **options: bool) -> None:
    with suppress(*LOST):
        remove(**options)
