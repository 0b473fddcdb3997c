"""The visa service for foreign visitors: applications and lookups."""

from starlette.applications import Starlette

from services.applications import application_service
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """Return the app of the visa service."""
    return application_service(world, "visa")


app = deploy(create)
