"""Visas for foreigners: applications and lookups."""

from starlette.applications import Starlette

from services.applications import applications
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """The visa service."""
    return applications(world, "visa")


app = deploy(create)
