"""The images of an engine: look up, pull, import and build them, with progress."""

import io
import math
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound
from docker.models.images import Image
from docker.utils import parse_repository_tag

from harness.errors import StackError

from .._engine import connect, engine_errors

Write = Callable[[str], object]

RECIPE = "org.outage-harness.recipe"
"""Label: the recipe by which an image was built here. Images from registries do not have it."""

NOT_BUILT_HERE = ""
"""Stands for the recipe of an image that was not built here."""

UNFINISHED = "-unfinished"
"""Suffix of the tag of an image while it is being imported."""

_PROGRESS_INTERVAL = 2.0
"""Wall-clock seconds between two lines about one pull, which has several events for each MB."""

_TIMEOUT = 1800
"""Seconds that the engine may take for one answer; imports to a slow disk take long."""


class ImageBuilder:
    """Pulls, imports and builds images on one engine; `write` gets the lines of progress."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self._client = connect(_TIMEOUT)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def recipe_of(self, tag: str) -> str | None:
        """Return the recipe of `tag`, or NOT_BUILT_HERE; None if the image does not exist."""
        found = self._find(tag)
        return None if found is None else (found.labels or {}).get(RECIPE, NOT_BUILT_HERE)

    def pull(self, tag: str) -> None:
        """Pull `tag` from its registry.

        Raises:
            StackError: the registry does not answer, or has no such image.
        """
        repository, name = parse_repository_tag(tag)  # `latest` if it has none
        with self._replacing(tag), engine_errors(f"{tag}: cannot be pulled"):
            last_written = -math.inf
            for event in self._client.api.pull(repository, name, stream=True, decode=True):
                if "error" in event:
                    raise StackError(f"{tag}: cannot be pulled: {event['error'].strip()}")
                if time.monotonic() - last_written >= _PROGRESS_INTERVAL and "id" in event:
                    words = (event["id"], event.get("status"), event.get("progress"))
                    self.write(f"{tag}: {' '.join(word for word in words if word)}")
                    last_written = time.monotonic()

    def import_root(self, archive: Path, tag: str, recipe: str, changes: Iterable[str]) -> None:
        """Import `archive`, a root file system, as the image `tag`.

        It has another tag until it is complete. An engine with containerd's image store keeps an
        image that it could not unpack, with its label, which would later count as built.

        Raises:
            StackError: the engine refuses it.
        """
        repository, _, name = tag.rpartition(":")
        unfinished = f"{name}{UNFINISHED}"
        with self._replacing(tag), engine_errors(f"{tag}: cannot be imported"):
            try:
                output = self._client.api.import_image_from_file(
                    str(archive), repository=repository, tag=unfinished,
                    changes=[f"LABEL {RECIPE}={recipe}", *changes],
                )  # fmt: skip
                if '"error"' in output:
                    raise StackError(f"{tag}: cannot be imported: {output.strip()}")
                self._client.images.get(f"{repository}:{unfinished}").tag(repository, name)
            finally:
                with suppress(ImageNotFound):
                    self._client.images.remove(f"{repository}:{unfinished}")

    def build(
        self, context: bytes, tag: str, *, recipe: str, target: str = "", **arguments: str
    ) -> None:
        """Build `tag` from `context`, a tar archive with its Dockerfile.

        It uses this machine's network, so that a proxy on its loopback can be reached.

        Raises:
            StackError: a step failed.
        """
        last: list[str] = []
        with self._replacing(tag), engine_errors(f"{tag}: cannot be built"):
            stream = self._client.api.build(
                fileobj=io.BytesIO(context), custom_context=True, tag=tag, rm=True,
                forcerm=True, decode=True,
                target=target, buildargs=arguments, network_mode="host", labels={RECIPE: recipe},
            )  # fmt: skip
            for event in stream:
                self._on_build_event(tag, event, last)

    def _find(self, tag: str) -> Image | None:
        with engine_errors(f"{tag}: cannot be looked up"):
            try:
                return self._client.images.get(tag)
            except ImageNotFound:
                return None

    @contextmanager
    def _replacing(self, tag: str) -> Iterator[None]:
        """After the block, remove the image built here that had `tag` before, to save space."""
        old = self._find(tag)
        yield
        if old is not None and RECIPE in (old.labels or {}) and old != self._find(tag):
            name = str(old.id)
            with engine_errors(f"{name}, an old {tag}: cannot be removed"):
                try:
                    self._client.images.remove(name)
                except ImageNotFound:
                    pass
                except APIError as error:
                    if error.status_code != HTTPStatus.CONFLICT:  # a container uses it
                        raise

    def _on_build_event(self, tag: str, event: Mapping[str, Any], last: list[str]) -> None:
        if "error" in event:
            lines = " | ".join(last[-5:])
            raise StackError(f"{tag}: {event['error'].strip()}; last lines: {lines}")
        for line in str(event.get("stream", "")).splitlines():
            if line.strip():
                last.append(line.strip())
                if line.startswith("Step "):
                    self.write(f"{tag}: {line}")

    def size(self, tag: str) -> str:
        """Return the image's id and size as text."""
        with engine_errors(f"{tag}: cannot be inspected"):
            image = self._client.images.get(tag)
        return f"{image.short_id}, {image.attrs['Size'] / 1e6:.0f} MB"


def context(files: Mapping[str, Path | bytes]) -> bytes:
    """Return a build context.

    Args:
        files: name in the archive -> a file, a directory, or the content itself.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, source in files.items():
            if isinstance(source, bytes):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(source), 0o755
                archive.addfile(entry, io.BytesIO(source))
            else:
                archive.add(source, name, filter=_without_metadata)
    return buffer.getvalue()


def _without_metadata(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Remove owner and date, so that unchanged files are found in the engine's cache."""
    if "__pycache__" in entry.name.split("/"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
