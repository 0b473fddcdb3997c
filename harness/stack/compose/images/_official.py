"""An image from a registry; one of those that can be made here is, where no registry answers."""

from collections.abc import Callable

from harness.errors import StackError

from ._engine import NOT_HERE, Engine


def see_to(engine: Engine, tag: str, recipe: str, make: Callable[[], None]) -> None:
    """See that there is a `tag`: the official one if it can be had, else what `make` makes.

    What is there already stays: an official image, and one that was made here by `recipe`.
    """
    made_by = engine.made_by(tag)
    if made_by == NOT_HERE:
        engine.say(f"{tag}: there is one that is not made here; it is kept")
        return
    if made_by == recipe:
        engine.say(f"{tag}: is there")
        return
    try:
        engine.pull(tag)
    except StackError as error:
        engine.say(f"{error}; so it is made here")
        make()
    engine.say(f"{tag}: {engine.size(tag)}")


def see_to_other(engine: Engine, tag: str) -> None:
    """See that there is a `tag`, which nobody can make here.

    Raises:
        StackError: there is none, and no registry has it.
    """
    if engine.made_by(tag) is None:
        engine.pull(tag)
        engine.say(f"{tag}: {engine.size(tag)}")
    else:
        engine.say(f"{tag}: is there")
