"""Makes every image that the reference system needs, each only if it is not there."""

from collections.abc import Callable
from pathlib import Path

from ._debian import make_base
from ._engine import Engine
from ._postgres import make_postgres
from ._project import make_project
from ._toxiproxy import make_toxiproxy


def build_images(directory: Path, say: Callable[[str], object]) -> None:
    """Make the images for the project in `directory`; `say` is told what is done, line by line.

    Raises:
        UsageError: a tool is missing, or `directory` is not the project's.
        StackError: no engine answers, or an image could not be made.
    """
    engine = Engine(say)
    try:
        base = make_base(engine)
        make_toxiproxy(engine)
        make_postgres(engine, base)
        make_project(engine, directory)
    finally:
        engine.close()
