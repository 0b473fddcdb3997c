"""Disks of limited size: tmpfs volumes, declared in the override, filled and freed by the API.

A tmpfs volume is unmounted, and its content lost, when no running container uses it. So the
Toxiproxy's container, which runs as long as the stack, mounts each of them as well: when a service
is killed and started again, its journal is still there.

The engine itself writes the file that fills a disk, so the image needs no tool. The engine can
replace a file but not remove it, so an empty file is left.
"""

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import requests
from docker.errors import APIError
from docker.models.containers import Container

from .._spec import Service, StackSpec

FILLER = "harness-filler"
_PROBE = "harness-probe"
_KEPT = "/var/lib/harness"
"""Where the Toxiproxy's container mounts the disks."""

_PAGE = 4096
_PIECE = bytes(1024 * 1024)
_BLOCK = 512


def limited_volumes(spec: StackSpec) -> dict[str, dict[str, Any]]:
    """Return volume -> its declaration for Compose, with the size of its service's disk.

    Every user may write, as in /tmp, because the harness does not know the service's user.
    """
    return {
        name: {
            "driver": "local",
            "driver_opts": {
                "type": "tmpfs",
                "device": "tmpfs",
                "o": f"size={service.disk},mode=1777",
            },
        }
        for service in spec.services.values()
        for name in named_disks(service).values()
    }


def kept_volumes(spec: StackSpec) -> list[str]:
    """Return the mounts of the Toxiproxy's container that keep the limited volumes alive."""
    return [f"{name}:{_KEPT}/{name}:ro" for name in limited_volumes(spec)]


def named_disks(service: Service) -> Mapping[str, str]:
    """Return path inside the container -> volume, for the limited disks of `service`."""
    if service.disk is None:
        return {}
    return {path: name for path, name in service.volumes.items() if "@" not in name}


def fill(container: Container, path: str, size: int) -> None:
    """Fill the disk of `size` bytes at `path`."""
    # The engine refuses the end of the file, or closes the connection; `has_room` finds out.
    with suppress(requests.ConnectionError):
        _write_file(container, path, FILLER, size + _PAGE)


def free(container: Container, path: str) -> None:
    """Replace the file that fills the disk at `path` by an empty one."""
    _write_file(container, path, FILLER, 0)


def has_room(container: Container, path: str) -> bool:
    """Return True if a page of 4 KiB can be written on the disk at `path`."""
    return _write_file(container, path, _PROBE, _PAGE) and _write_file(container, path, _PROBE, 0)


def _write_file(container: Container, path: str, name: str, size: int) -> bool:
    """Replace the file `name` by `size` zero bytes; return False if there is no room."""
    try:
        container.put_archive(path, _tar(name, size))
    except APIError as error:
        if "no space left" not in str(error.explanation or error):
            raise
        return False
    return True


def _tar(name: str, size: int) -> Iterator[bytes]:
    head = tarfile.TarInfo(name)
    head.size, head.mode = size, 0o644
    yield head.tobuf(tarfile.GNU_FORMAT)
    for _ in range(size // len(_PIECE)):
        yield _PIECE
    yield bytes(size % len(_PIECE) + -size % _BLOCK + 2 * _BLOCK)
