"""Passports of citizens, and the documents that foreigners hold: applications and lookups."""

from starlette.applications import Starlette

from services.applications import applications
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """The passport service."""
    return applications(world, "passport")


app = deploy(create)
