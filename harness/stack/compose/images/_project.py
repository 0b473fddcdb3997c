"""This repository's own images, from its Dockerfile: the services, and Locust with the harness."""

import hashlib
import os
from pathlib import Path

from ._builder import ImageBuilder, context
from ._debian import ensure_base

TAGS = {"services": "outage-harness/services:local", "load": "outage-harness/load:local"}
_FILES = ("Dockerfile", "constraints.txt", "services", "harness", "experiments")
_PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def is_project(directory: Path) -> bool:
    """Return True if `directory` is this repository."""
    return all((directory / name).exists() for name in _FILES)


def build_project(builder: ImageBuilder, directory: Path) -> None:
    """Build both images; unchanged steps come from the engine's cache."""
    ensure_base(builder)
    content: dict[str, Path | bytes] = {name: directory / name for name in _FILES}
    if bundle := ca_bundle():
        builder.write(
            f"{bundle}: used during the installation of packages, and not kept in the image"
        )
        content["ca-bundle.crt"] = bundle.read_bytes()
    archive = context(content)
    arguments = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    for target, tag in TAGS.items():
        recipe = hashlib.sha256(archive + target.encode()).hexdigest()[:12]
        if builder.recipe_of(tag) == recipe:
            builder.write(f"{tag}: is there")
            continue
        builder.build(archive, tag, recipe=recipe, target=target, **arguments)
        builder.write(f"{tag}: {builder.size(tag)}")


def ca_bundle() -> Path | None:
    """Return the CA bundle that this machine's environment names; None if it names none."""
    for name in _BUNDLES:
        path = Path(os.environ.get(name, ""))
        if path.is_file():
            return path
    return None
