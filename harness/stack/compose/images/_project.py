"""The project's own images, from its Dockerfile: the services, and Locust with the harness."""

import hashlib
import os
from pathlib import Path

from ._debian import see_to_base
from ._engine import Engine, context

TAGS = {"services": "outage-harness/services:local", "load": "outage-harness/load:local"}
_FILES = ("Dockerfile", "constraints.txt", "services", "harness", "experiments")
_PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def is_project(directory: Path) -> bool:
    """Whether `directory` is this project's, and not a user's."""
    return all((directory / name).exists() for name in _FILES)


def make_project(engine: Engine, directory: Path) -> None:
    """Build both; what has not changed comes from the engine's cache."""
    see_to_base(engine)
    content: dict[str, Path | bytes] = {name: directory / name for name in _FILES}
    if bundle := ca_bundle():
        engine.say(f"{bundle}: its CAs are used while packages are installed, and not kept")
        content["ca-bundle.crt"] = bundle.read_bytes()
    archive = context(content)
    arguments = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    for target, tag in TAGS.items():
        recipe = hashlib.sha256(archive + target.encode()).hexdigest()[:12]
        if engine.made_by(tag) == recipe:
            engine.say(f"{tag}: is there")
            continue
        engine.build(archive, tag, recipe=recipe, target=target, **arguments)
        engine.say(f"{tag}: {engine.size(tag)}")


def ca_bundle() -> Path | None:
    """The CA bundle that this machine's tools are told to use, if any is."""
    for name in _BUNDLES:
        path = Path(os.environ.get(name, ""))
        if path.is_file():
            return path
    return None
