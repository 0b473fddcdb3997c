"""Pulled images: those of the reference system, and those of a user's Compose file."""

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import docker
import pytest

from harness.stack.compose.images._builder import NOT_BUILT_HERE, ImageBuilder, context
from harness.stack.compose.images._official import ensure_image, ensure_pulled

from .conftest import Harness
from .kit import images_of, is_compose, write_brief
from .registry import Registry, registry_program, running_registry

TOXIPROXY = "ghcr.io/shopify/toxiproxy:2.12.0"
UNREACHABLE = "127.0.0.1:1/nobody/pay:1"
"""A tag in a registry that does not run."""


@pytest.fixture(scope="module")
def registry(
    engine: docker.DockerClient,
    missing: Callable[..., NoReturn],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Registry]:
    program = registry_program()
    if program is None:
        missing("no docker-registry on the PATH; Debian's package of that name has it", "registry")
    with running_registry(engine, program, tmp_path_factory.mktemp("registry")) as running:
        yield running


def build_context(content: str) -> bytes:
    dockerfile = b"FROM scratch\nCOPY one /one\n"
    return context({"Dockerfile": dockerfile, "one": content.encode()})


def put_official(engine: docker.DockerClient, registry: Registry, name: str) -> str:
    """Push an image without a recipe to the registry, and remove it from the engine."""
    local = f"outage-harness/{name}"
    engine.images.build(fileobj=io.BytesIO(build_context(name)), custom_context=True, tag=local)
    try:
        return registry.push(local, name)
    finally:
        engine.images.remove(local)


def never() -> None:
    raise AssertionError("built although it could be pulled")


def test_an_official_image_is_pulled_and_then_kept(
    engine: docker.DockerClient, registry: Registry, builder: ImageBuilder, progress: list[str]
) -> None:
    tag = put_official(engine, registry, "pulled:1")
    assert builder.recipe_of(tag) is None

    ensure_image(builder, tag, "recipe", never)

    assert builder.recipe_of(tag) == NOT_BUILT_HERE
    (digest,) = engine.images.get(tag).attrs["RepoDigests"]
    assert digest.startswith(f"{registry.address}/pulled@sha256:")
    assert any(line.startswith(f"{tag}: 1 Pulling from pulled") for line in progress), progress

    ensure_image(builder, tag, "recipe", never)
    assert progress[-1] == f"{tag}: is there, not built here; it is kept"


def test_a_users_image_is_pulled_by_tag_without_tag_and_by_digest(
    engine: docker.DockerClient, registry: Registry, builder: ImageBuilder, progress: list[str]
) -> None:
    tag = put_official(engine, registry, "users:latest")
    plain = tag.removesuffix(":latest")

    ensure_pulled(builder, plain)
    (digest,) = engine.images.get(tag).attrs["RepoDigests"]
    ensure_pulled(builder, plain)
    assert progress[-1] == f"{plain}: is there"

    engine.images.remove(tag)
    ensure_pulled(builder, digest)
    assert progress[-1].startswith(f"{digest}: sha256:")
    engine.images.remove(digest)


@pytest.mark.parametrize("answers", [True, False])
def test_an_official_image_that_cannot_be_pulled_is_built(
    *,
    engine: docker.DockerClient,
    registry: Registry,
    builder: ImageBuilder,
    progress: list[str],
    answers: bool,
) -> None:
    tag = registry.tag("not-there:1") if answers else UNREACHABLE
    why = r"manifest unknown|: not found" if answers else "connection refused"

    try:
        ensure_image(
            builder, tag, "one", lambda: builder.build(build_context("built"), tag, recipe="one")
        )

        assert builder.recipe_of(tag) == "one"
        assert progress[0].startswith(f"{tag}: cannot be pulled: ")
        assert re.search(why, progress[0])  # the engine's message, which differs between versions
        assert progress[0].endswith("; so it is built here")

        ensure_image(builder, tag, "one", never)
        assert progress[-1] == f"{tag}: is there"
    finally:
        engine.images.remove(tag)


def test_an_image_built_by_an_old_recipe_is_replaced_by_the_official_one(
    engine: docker.DockerClient, registry: Registry, builder: ImageBuilder
) -> None:
    tag = put_official(engine, registry, "replaced:1")
    builder.build(build_context("ours"), tag, recipe="old")
    ours = engine.images.get(tag).id

    ensure_image(builder, tag, "new", never)

    assert builder.recipe_of(tag) == NOT_BUILT_HERE
    assert ours not in images_of(engine)


@pytest.mark.stack
@pytest.mark.timeout(180)
@pytest.mark.parametrize("compose", ["docker compose", "docker-compose"])
def test_compose_pulls_a_missing_image_and_the_evidence_has_its_digest(
    *,
    engine: docker.DockerClient,
    registry: Registry,
    harness: Harness,
    shop: Path,
    missing: Callable[..., NoReturn],
    compose: str,
    tmp_path: Path,
) -> None:
    if not is_compose(shlex.split(compose)):
        missing(f"{compose} is not installed")
    image = registry.push(
        TOXIPROXY, "toxiproxy:1"
    )  # the smallest, not to disturb tests in parallel
    file = shop / "docker-compose.yml"
    file.write_text(file.read_text().replace(f"image: {TOXIPROXY}\n", f"image: {image}\n"))
    write_brief(shop)
    out = tmp_path / "run"

    done = harness("run", "brief", "--on", "compose", "--out", out, HARNESS_COMPOSE=compose)

    assert done.returncode == 0, done.stdout + done.stderr
    (digest,) = [d for d in engine.images.get(image).attrs["RepoDigests"] if image[:-2] in d]
    versions = json.loads((out / "stack.json").read_text())["versions"]
    assert versions[f"image {image}"] == digest
