"""Disks of limited size: volumes in memory, made so by the override, filled and freed by the API.

A volume in memory is unmounted, and its content lost, when no running container uses it. So the
Toxiproxy, which runs as long as the stack does, holds each of them as well: a service may be
killed and started again, and its journal is still there.

The engine itself writes the file that fills a disk, so no tool is needed inside the image. It
can put a file in another's place but not remove one: what is left of it is empty.
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
_HELD = "/var/lib/harness"
"""Where the Toxiproxy's container holds the disks."""

_PAGE = 4096
_PIECE = bytes(1024 * 1024)
_BLOCK = 512


def limited_volumes(spec: StackSpec) -> dict[str, dict[str, Any]]:
    """Volume -> how Compose must make it so that it has the size of its service's disk.

    Anybody may write, as in /tmp: the harness does not know as whom a service runs.
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


def held_volumes(spec: StackSpec) -> list[str]:
    """What the Toxiproxy's container mounts, so that those volumes last."""
    return [f"{name}:{_HELD}/{name}:ro" for name in limited_volumes(spec)]


def named_disks(service: Service) -> Mapping[str, str]:
    """Path inside -> volume, for the disks of `service` that are of limited size."""
    if service.disk is None:
        return {}
    return {path: name for path, name in service.volumes.items() if "@" not in name}


def fill(container: Container, path: str, size: int) -> None:
    """Leave no room on the disk of `size` bytes at `path`."""
    # The engine refuses the last of it, or hangs up while it is being sent. `has_room` knows.
    with suppress(requests.ConnectionError):
        _put(container, path, FILLER, size + _PAGE)


def free(container: Container, path: str) -> None:
    """The opposite of `fill`."""
    _put(container, path, FILLER, 0)


def has_room(container: Container, path: str) -> bool:
    """Whether there is room for a page on the disk at `path`."""
    return _put(container, path, _PROBE, _PAGE) and _put(container, path, _PROBE, 0)


def _put(container: Container, path: str, name: str, size: int) -> bool:
    """Put a file of `size` zeros in place of `name`; whether there was room for it."""
    try:
        container.put_archive(path, _archive(name, size))
    except APIError as error:
        if "no space left" not in str(error.explanation or error):
            raise
        return False
    return True


def _archive(name: str, size: int) -> Iterator[bytes]:
    head = tarfile.TarInfo(name)
    head.size, head.mode = size, 0o644
    yield head.tobuf(tarfile.GNU_FORMAT)
    for _ in range(size // len(_PIECE)):
        yield _PIECE
    yield bytes(size % len(_PIECE) + -size % _BLOCK + 2 * _BLOCK)
