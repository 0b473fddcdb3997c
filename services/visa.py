"""The visa service for foreign visitors: applications and lookups."""

from starlette.applications import Starlette

from services.applications import applications
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """Return the app of the visa service."""
    return applications(world, "visa")


app = deploy(create)
