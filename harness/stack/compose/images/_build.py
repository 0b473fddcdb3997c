"""Provide every image that a stack needs and the engine lacks."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..._compose_file import read_stack
from .._images import read_images
from . import _debian, _postgres, _toxiproxy
from ._builder import ImageBuilder
from ._official import ensure_pulled
from ._project import build_project, is_project

_ENSURE: dict[str, Callable[[ImageBuilder], None]] = {
    _debian.TAG: _debian.ensure_base,
    _toxiproxy.TAG: _toxiproxy.ensure_toxiproxy,
    _postgres.TAG: _postgres.ensure_postgres,
}


def build_images(directory: Path, write: Callable[[str], object]) -> None:
    """Pull or build the images of the stack in `directory`; `write` gets the lines of progress.

    Raises:
        UsageError: a tool is missing, or `directory` has no stack.
        StackError: no engine or no Compose answers, or an image can neither be pulled nor built.
    """
    builder = ImageBuilder(write)
    try:
        images = read_images(read_stack(directory, os.environ))
        for tag in images.pulled:
            ensure = _ENSURE.get(tag, partial(ensure_pulled, tag=tag))
            ensure(builder)
        if is_project(directory):
            build_project(builder, directory)
        else:
            images.build(write)
    finally:
        builder.close()
