"""The engine's side of making images: what is there already, imports and builds with progress."""

import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from docker.errors import APIError, ImageNotFound

from harness.errors import StackError
from harness.stack.compose import connect

Say = Callable[[str], object]

RECIPE = "org.outage-harness.recipe"
"""Label: which recipe an image was made by. An image without it is not ours."""

_LONG = 1800
"""Seconds that the engine may take for one answer; a slow disk imports slowly."""


class Engine:
    """Images of one engine, made and looked at through its API."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self._client = connect(_LONG)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def has(self, tag: str, recipe: str, *, official: bool = True) -> bool:
        """Whether `tag` needs no making: it is made by `recipe`, or is an `official` image."""
        try:
            found = self._client.images.get(tag)
        except ImageNotFound:
            return False
        made_by = (found.labels or {}).get(RECIPE)
        if made_by is None and official:
            self.say(f"{tag}: there is one that is not made here; it is kept")
            return True
        return bool(made_by == recipe)

    def import_root(self, archive: Path, tag: str, recipe: str, changes: Iterable[str]) -> None:
        """Make `archive`, a root file system, the image `tag`."""
        old = self._ours(tag)
        repository, _, name = tag.rpartition(":")
        said = self._client.api.import_image_from_file(
            str(archive), repository=repository, tag=name,
            changes=[f"LABEL {RECIPE}={recipe}", *changes],
        )  # fmt: skip
        if '"error"' in said:
            raise StackError(f"{tag}: the engine cannot import it: {said.strip()}")
        self._remove(old, unless=self._ours(tag))

    def build(
        self, context: bytes, tag: str, *, recipe: str, target: str = "", **arguments: str
    ) -> None:
        """Build `tag` from `context`, a tar archive with its Dockerfile.

        The network is this machine's own, so that a proxy on its loopback can be reached.
        """
        last: list[str] = []
        old = self._ours(tag)
        try:
            stream = self._client.api.build(
                fileobj=io.BytesIO(context), custom_context=True, tag=tag, rm=True,
                forcerm=True, decode=True,
                target=target, buildargs=arguments, network_mode="host", labels={RECIPE: recipe},
            )  # fmt: skip
            for event in stream:
                self._tell(tag, event, last)
        except APIError as error:
            raise StackError(f"{tag}: the engine cannot build it: {error.explanation}") from error
        self._remove(old, unless=self._ours(tag))

    def _ours(self, tag: str) -> str:
        """The id of the image `tag` if it was made here; empty if it was not, or is none."""
        try:
            found = self._client.images.get(tag)
        except ImageNotFound:
            return ""
        return str(found.id) if RECIPE in (found.labels or {}) else ""

    def _remove(self, old: str, *, unless: str) -> None:
        """Remove what a new image has replaced: nobody would find it again, and it takes room."""
        if not old or old == unless:
            return
        with suppress(ImageNotFound):
            try:
                self._client.images.remove(old)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:  # a container is made of it
                    raise

    def _tell(self, tag: str, event: Mapping[str, Any], last: list[str]) -> None:
        if "error" in event:
            said = " | ".join(last[-5:])
            raise StackError(f"{tag}: {event['error'].strip()}; last lines: {said}")
        for line in str(event.get("stream", "")).splitlines():
            if line.strip():
                last.append(line.strip())
                if line.startswith("Step "):
                    self.say(f"{tag}: {line}")

    def size(self, tag: str) -> str:
        """The image's id and size, for people."""
        image = self._client.images.get(tag)
        return f"{image.short_id}, {image.attrs['Size'] / 1e6:.0f} MB"


def context(files: Mapping[str, Path | bytes]) -> bytes:
    """A build context: name in the archive -> a file, a folder, or the content itself."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, source in files.items():
            if isinstance(source, bytes):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(source), 0o755
                archive.addfile(entry, io.BytesIO(source))
            else:
                archive.add(source, name, filter=_plain)
    return buffer.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nobody's files without a date: what was not changed is found in the engine's cache."""
    if "__pycache__" in entry.name.split("/"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry
