"""Sees to every image that a stack needs, each only if it is not there."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..._compose_file import read_stack
from .._images import read_images
from . import _debian, _postgres, _toxiproxy
from ._engine import Engine
from ._official import see_to_other
from ._project import is_project, make_project

_MADE_HERE: dict[str, Callable[[Engine], None]] = {
    _debian.TAG: _debian.see_to_base,
    _toxiproxy.TAG: _toxiproxy.see_to_toxiproxy,
    _postgres.TAG: _postgres.see_to_postgres,
}


def build_images(directory: Path, say: Callable[[str], object]) -> None:
    """Get or make the images of the stack in `directory`; `say` is told what is done.

    Raises:
        UsageError: a tool is missing, or `directory` has no stack.
        StackError: no engine or no Compose answers, or an image can neither be had nor made.
    """
    engine = Engine(say)
    try:
        images = read_images(read_stack(directory, os.environ))
        for tag in images.pulled:
            see = _MADE_HERE.get(tag, partial(see_to_other, tag=tag))
            see(engine)
        if is_project(directory):
            make_project(engine, directory)
        else:
            images.build(say)
    finally:
        engine.close()
