"""Provide an official image: from its registry, or built here if no registry answers."""

from collections.abc import Callable

from harness.errors import StackError

from ._engine import NOT_BUILT_HERE, Engine


def ensure_image(engine: Engine, tag: str, recipe: str, make: Callable[[], None]) -> None:
    """Provide `tag`: pull the official image, or call `make` if that fails.

    An existing image is kept if it is official or was built here by the same recipe.

    Args:
        engine: the engine's images.
        tag: the tag of the official image.
        recipe: the recipe by which `make` builds.
        make: builds the image under `tag`.
    """
    built_by = engine.recipe_of(tag)
    if built_by == NOT_BUILT_HERE:
        engine.write(f"{tag}: is there, not built here; it is kept")
        return
    if built_by == recipe:
        engine.write(f"{tag}: is there")
        return
    try:
        engine.pull(tag)
    except StackError as error:
        engine.write(f"{error}; so it is built here")
        make()
    engine.write(f"{tag}: {engine.size(tag)}")


def ensure_pulled(engine: Engine, tag: str) -> None:
    """Provide `tag`, which can only be pulled.

    Raises:
        StackError: it does not exist here, and no registry has it.
    """
    if engine.recipe_of(tag) is None:
        engine.pull(tag)
        engine.write(f"{tag}: {engine.size(tag)}")
    else:
        engine.write(f"{tag}: is there")
