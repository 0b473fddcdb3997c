"""Provide an official image: pull it, or build it here if no registry answers."""

from collections.abc import Callable

from harness.errors import StackError

from ._builder import NOT_BUILT_HERE, ImageBuilder


def ensure_image(builder: ImageBuilder, tag: str, recipe: str, build: Callable[[], None]) -> None:
    """Provide `tag`: pull the official image, or call `build` if that fails.

    An existing image is kept if it is official or was built here by the same recipe.

    Args:
        builder: the images of the engine.
        tag: the tag of the official image.
        recipe: the recipe that `build` follows.
        build: builds the image under `tag`.
    """
    built_by = builder.recipe_of(tag)
    if built_by == NOT_BUILT_HERE:
        builder.write(f"{tag}: is there, not built here; it is kept")
        return
    if built_by == recipe:
        builder.write(f"{tag}: is there")
        return
    try:
        builder.pull(tag)
    except StackError as error:
        builder.write(f"{error}; so it is built here")
        build()
    builder.write(f"{tag}: {builder.size(tag)}")


def ensure_pulled(builder: ImageBuilder, tag: str) -> None:
    """Provide `tag`, which can only be pulled.

    Raises:
        StackError: it does not exist here, and no registry has it.
    """
    if builder.recipe_of(tag) is None:
        builder.pull(tag)
        builder.write(f"{tag}: {builder.size(tag)}")
    else:
        builder.write(f"{tag}: is there")
