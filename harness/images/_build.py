"""Sees to every image that the reference system needs, each only if it is not there."""

from collections.abc import Callable
from pathlib import Path

from ._debian import see_to_base
from ._engine import Engine
from ._postgres import see_to_postgres
from ._project import make_project
from ._toxiproxy import see_to_toxiproxy


def build_images(directory: Path, say: Callable[[str], object]) -> None:
    """Get or make the images for the project in `directory`; `say` is told what is done.

    Raises:
        UsageError: a tool is missing, or `directory` is not the project's.
        StackError: no engine answers, or an image can neither be had nor made.
    """
    engine = Engine(say)
    try:
        see_to_base(engine)
        see_to_toxiproxy(engine)
        see_to_postgres(engine)
        make_project(engine, directory)
    finally:
        engine.close()
