"""Planted bugs: each is a real service with one part replaced, as a scenario's `overrides` name it.

    app = planted(real.create, (Journal, "append", losing_append))

Parts are replaced when the application is created, which happens in the service's own process.
Nothing may be replaced on import: the local backend imports these modules once for all services.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from starlette.applications import Starlette

from services.kit import Log, World, process_world

Part = tuple[object, str, object]
"""The owner of an attribute, the attribute's name, and its new value."""


def planted(
    create: Callable[[World], Starlette],
    *parts: Part,
    world: Callable[[World], World] = lambda world: world,
) -> Callable[[], Starlette]:
    """Return a factory for the app of `create` with `parts` replaced.

    Args:
        create: The service's own `create`.
        parts: What to replace before it is called.
        world: Changes the service's world, for bugs in what the service is given.
    """

    def factory() -> Starlette:
        for owner, name, part in parts:
            assert hasattr(owner, name), f"{owner} has no {name} to replace"
            setattr(owner, name, part)
        return create(world(process_world(os.environ["SERVICE"])))

    return factory


def with_changed_event(
    world: World, name: str, change: Callable[[dict[str, object]], object]
) -> World:
    """Return `world` with a log that applies `change` to the fields of every event `name`."""
    log: Log = world.log

    def changed_log(event: str, **fields: object) -> None:
        if event == name:
            change(fields)
        log(event, **fields)

    return replace(world, log=changed_log)
