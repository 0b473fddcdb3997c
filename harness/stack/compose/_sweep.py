"""Find and remove what a stack has left on the engine: everything with its labels, nothing else."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from ._connections import addresses_of
from ._engine import ENGINE_ERRORS, connect, engine_errors
from ._project import SERVICE_LABEL, Project, is_running


def remove_project(state_dir: Path) -> list[str]:
    """Remove the containers, networks and volumes of the stack in `state_dir`, and its marker.

    Returns:
        A line for each, such as `network shop-1f2e3d4c_default`.

    Raises:
        StackError: the engine does not answer, or refuses.
    """
    project = Project.find(state_dir)
    if project is None:
        return []
    client = connect()
    try:
        with engine_errors(f"{project.name}: cannot be removed"):
            removed = remove_resources(client, project)
    finally:
        client.close()
    project.forget()
    return removed


def was_left_running(state_dir: Path) -> bool:
    """Return True if a stack that `harness up` has detached is running in `state_dir`.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.find(state_dir)
    return (
        project is not None and project.saved_spec.exists() and bool(_running_containers(project))
    )


def is_address_in_use(state_dir: Path, host: str) -> bool:
    """Return True if a running container of the stack of `state_dir` has the address `host`.

    Raises:
        StackError: no Docker engine answers.
    """
    project = Project.find(state_dir)
    if project is None:
        return False
    return any(host in addresses_of(container) for container in _running_containers(project))


def remove_resources(client: docker.DockerClient, project: Project) -> list[str]:
    """Remove the containers, networks and volumes of `project`; return a line for each."""
    removed = []
    found = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    with ThreadPoolExecutor(8) as pool:
        for container in found:
            removed.append(
                f"container {container.name} ({container.labels.get(SERVICE_LABEL, '?')})"
            )
            pool.submit(_ignore_errors, container.remove, v=True, force=True)
    left = client.containers.list(all=True, filters=project.filters, ignore_removed=True)
    for container in left:  # a second attempt, which raises its error
        container.remove(v=True, force=True)
    for network in client.networks.list(filters=project.filters):
        removed.append(f"network {network.name}")
        with suppress(NotFound):
            network.remove()
    for volume in client.volumes.list(filters=project.filters):
        removed.append(f"volume {volume.name}")
        with suppress(NotFound):
            volume.remove(force=True)
    return removed


def _running_containers(project: Project) -> Collection[Container]:
    client = connect()
    try:
        with engine_errors(f"{project.name}: its containers cannot be listed"):
            return [*filter(is_running, project.containers(client).values())]
    finally:
        client.close()


def _ignore_errors(remove: Callable[..., object], **options: bool) -> None:
    with suppress(*ENGINE_ERRORS):
        remove(**options)
