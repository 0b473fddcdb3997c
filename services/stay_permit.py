"""Stay permits for foreigners who live here: applications and lookups."""

from starlette.applications import Starlette

from services.applications import applications
from services.kit import World, deploy


def create(world: World) -> Starlette:
    """The stay-permit service."""
    return applications(world, "stay-permit")


app = deploy(create)
