"""The stay-permit service for foreign residents: applications and lookups."""

from starlette.applications import Starlette

from services.applications import applications
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """Return the app of the stay-permit service."""
    return applications(world, "stay-permit")


app = deploy(create)
