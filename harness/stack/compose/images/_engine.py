"""The engine's side of images: what is there already, pulls, imports and builds, with progress."""

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

from .._engine import connect, told

Say = Callable[[str], object]

RECIPE = "org.outage-harness.recipe"
"""Label: which recipe an image was made by. An image without it is not ours."""

NOT_HERE = ""
"""The recipe of an image that was not made here."""

UNFINISHED = "-unfinished"
"""Ends the tag of an image that is being imported."""

_EVERY = 2.0
"""Seconds between two lines about one pull: the engine has several events for each layer's MB."""

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

    def made_by(self, tag: str) -> str | None:
        """The recipe of `tag`, or NOT_HERE; None if there is no such image."""
        found = self._find(tag)
        return None if found is None else (found.labels or {}).get(RECIPE, NOT_HERE)

    def pull(self, tag: str) -> None:
        """Get `tag` from its registry.

        Raises:
            StackError: the registry does not answer, or has no such image.
        """
        repository, name = parse_repository_tag(tag)  # `latest` if it has none
        with self._replacing(tag), told(f"{tag}: cannot be pulled"):
            told_at = -math.inf
            for event in self._client.api.pull(repository, name, stream=True, decode=True):
                if "error" in event:
                    raise StackError(f"{tag}: cannot be pulled: {event['error'].strip()}")
                if time.monotonic() - told_at >= _EVERY and "id" in event:
                    words = (event["id"], event.get("status"), event.get("progress"))
                    self.say(f"{tag}: {' '.join(word for word in words if word)}")
                    told_at = time.monotonic()

    def import_root(self, archive: Path, tag: str, recipe: str, changes: Iterable[str]) -> None:
        """Make `archive`, a root file system, the image `tag`.

        It bears another tag until it is whole: an engine with containerd's image store keeps what
        it could not unpack, label and all, and the next time that would pass for done.

        Raises:
            StackError: the engine does not take it.
        """
        repository, _, name = tag.rpartition(":")
        unfinished = f"{name}{UNFINISHED}"
        with self._replacing(tag), told(f"{tag}: cannot be imported"):
            try:
                said = self._client.api.import_image_from_file(
                    str(archive), repository=repository, tag=unfinished,
                    changes=[f"LABEL {RECIPE}={recipe}", *changes],
                )  # fmt: skip
                if '"error"' in said:
                    raise StackError(f"{tag}: cannot be imported: {said.strip()}")
                self._client.images.get(f"{repository}:{unfinished}").tag(repository, name)
            finally:
                with suppress(ImageNotFound):
                    self._client.images.remove(f"{repository}:{unfinished}")

    def build(
        self, context: bytes, tag: str, *, recipe: str, target: str = "", **arguments: str
    ) -> None:
        """Build `tag` from `context`, a tar archive with its Dockerfile.

        The network is this machine's own, so that a proxy on its loopback can be reached.

        Raises:
            StackError: a step of it failed.
        """
        last: list[str] = []
        with self._replacing(tag), told(f"{tag}: cannot be built"):
            stream = self._client.api.build(
                fileobj=io.BytesIO(context), custom_context=True, tag=tag, rm=True,
                forcerm=True, decode=True,
                target=target, buildargs=arguments, network_mode="host", labels={RECIPE: recipe},
            )  # fmt: skip
            for event in stream:
                self._tell(tag, event, last)

    def _find(self, tag: str) -> Image | None:
        with told(f"{tag}: cannot be looked for"):
            try:
                return self._client.images.get(tag)
            except ImageNotFound:
                return None

    @contextmanager
    def _replacing(self, tag: str) -> Iterator[None]:
        """Afterwards remove what was made here and bore `tag` before: it only takes room."""
        old = self._find(tag)
        yield
        if old is not None and RECIPE in (old.labels or {}) and old != self._find(tag):
            name = str(old.id)
            with told(f"{name}, an old {tag}: cannot be removed"):
                try:
                    self._client.images.remove(name)
                except ImageNotFound:
                    pass
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
        with told(f"{tag}: cannot be looked at"):
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
