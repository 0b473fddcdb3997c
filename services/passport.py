"""The passport service: applications, and lookups of passports of citizens and foreigners."""

from starlette.applications import Starlette

from services.applications import application_service
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """Return the app of the passport service."""
    return application_service(world, "passport")


app = deploy(create)
