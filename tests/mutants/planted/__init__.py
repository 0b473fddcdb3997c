"""Broken services: each is the real one with one part replaced, as `overrides` name them.

    app = planted(real.create, (Journal, "append", forgetful_append))

Parts are replaced when the application is made, which is in the service's own process: the local
backend imports these modules once for all services, so nothing may happen on import.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from starlette.applications import Starlette

from services.kit import Log, World, process_world

Part = tuple[object, str, object]
"""Whose attribute, its name, and what stands there instead."""


def planted(
    create: Callable[[World], Starlette],
    *parts: Part,
    world: Callable[[World], World] = lambda world: world,
) -> Callable[[], Starlette]:
    """The factory of `create` with `parts` replaced, in a `world` that may be changed too."""

    def factory() -> Starlette:
        for owner, name, part in parts:
            assert hasattr(owner, name), f"{owner} has no {name} that could be replaced"
            setattr(owner, name, part)
        return create(world(process_world(os.environ["SERVICE"])))

    return factory


def telling(world: World, kind: str, change: Callable[[dict[str, object]], object]) -> World:
    """`world` with a log in which events of one kind are changed before they are told."""
    log: Log = world.log

    def lie(event: str, **fields: object) -> None:
        if event == kind:
            change(fields)
        log(event, **fields)

    return replace(world, log=lie)
