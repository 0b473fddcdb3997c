"""The stay-permit service for foreign residents: applications and lookups."""

from starlette.applications import Starlette

from services.applications import application_service
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """Return the app of the stay-permit service."""
    return application_service(world, "stay-permit")


app = deploy(create)
