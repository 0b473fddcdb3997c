"""Images built here: their recipes, replacement and errors; and what ours must not contain."""

import io
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from harness.errors import StackError
from harness.stack.compose.images._builder import NOT_BUILT_HERE, UNFINISHED, ImageBuilder, context

from .conftest import command
from .kit import images_of

OURS = ("outage-harness/services:local", "outage-harness/load:local")
MINIMAL = b"FROM scratch\nCOPY one /one\n"


@pytest.fixture
def tag(engine: docker.DockerClient) -> Iterator[str]:
    """A tag of this test; its image is removed afterwards."""
    name = f"outage-harness/test-{uuid.uuid4().hex[:8]}:local"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def test_a_built_image_has_its_recipe(builder: ImageBuilder, tag: str) -> None:
    builder.build(context({"Dockerfile": MINIMAL, "one": b"1"}), tag, recipe="one")
    assert builder.recipe_of(tag) == "one"


def test_a_replaced_image_is_removed(
    engine: docker.DockerClient, builder: ImageBuilder, tag: str
) -> None:
    ids = []
    for n, content in enumerate((b"3", b"4", b"4")):
        builder.build(context({"Dockerfile": MINIMAL, "one": content}), tag, recipe=str(n // 2))
        ids.append(engine.images.get(tag).id)
    assert len({*ids}) == 3  # the last two differ by their recipe
    assert [one for one in images_of(engine) if one in ids] == ids[-1:]


def test_a_replaced_image_that_a_container_uses_is_kept_without_a_tag(
    engine: docker.DockerClient, builder: ImageBuilder, tag: str
) -> None:
    builder.build(context({"Dockerfile": MINIMAL, "one": b"5"}), tag, recipe="one")
    old = engine.images.get(tag)
    assert old.id is not None
    container = engine.containers.create(tag, ["/one"])
    try:
        builder.build(context({"Dockerfile": MINIMAL, "one": b"6"}), tag, recipe="two")
        assert engine.images.get(tag).id != old.id
        assert engine.images.get(old.id).tags == []
    finally:
        container.remove(v=True, force=True)
        engine.images.remove(old.id)


def test_an_image_that_was_not_built_here_has_no_recipe(
    engine: docker.DockerClient, builder: ImageBuilder, tag: str
) -> None:
    assert builder.recipe_of(tag) is None
    archive = context({"Dockerfile": MINIMAL, "one": b"2"})
    for _ in engine.api.build(fileobj=io.BytesIO(archive), custom_context=True, tag=tag):
        pass
    assert builder.recipe_of(tag) == NOT_BUILT_HERE


def test_a_failed_step_is_reported_with_its_last_lines(builder: ImageBuilder, tag: str) -> None:
    dockerfile = b"FROM outage-harness/services:local\nRUN echo no space for flour; exit 3\n"
    with pytest.raises(StackError, match=rf"^{tag}: .*returned a non-zero code: 3; .*no space"):
        builder.build(context({"Dockerfile": dockerfile}), tag, recipe="one")


def test_an_invalid_archive_is_an_error_and_leaves_no_image(
    builder: ImageBuilder, engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    archive = tmp_path / "root.tar"
    archive.write_text("not an archive")
    with pytest.raises(StackError, match=rf"^{tag}: cannot be imported: .*unexpected EOF"):
        builder.import_root(archive, tag, "one", [])
    assert builder.recipe_of(tag) is None
    assert not engine.images.list(f"{tag}{UNFINISHED}")


def test_an_imported_image_has_its_final_tag_only(
    builder: ImageBuilder, engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    archive = tmp_path / "root.tar"
    for recipe in ("one", "two"):
        archive.write_bytes(context({"name": recipe.encode()}))
        builder.import_root(archive, tag, recipe, [])
        assert builder.recipe_of(tag) == recipe
        assert engine.images.get(tag).tags == [tag]


def test_a_build_context_does_not_depend_on_owner_and_date(tmp_path: Path) -> None:
    archives = []
    for when in (0, 1_000_000_000):
        folder = tmp_path / str(when)
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "x.pyc").write_text(str(when))
        (folder / "one.py").write_text("1")
        os.utime(folder / "one.py", (when, when))
        os.utime(folder, (when, when))
        archives.append(context({"src": folder}))
    assert archives[0] == archives[1]


@pytest.mark.parametrize("image", OURS)
def test_our_images_run_unprivileged_without_build_tools_and_without_this_networks_ca(
    engine: docker.DockerClient, load_image: str, image: str
) -> None:
    assert load_image
    script = (
        "import importlib.util as u, os, pathlib, shutil\n"
        "print(os.getuid())\n"
        "print(*(t for t in ('gcc', 'cc', 'make', 'pip', 'go') if shutil.which(t)))\n"
        "print(*(m for m in ('pip', 'setuptools', 'wheel') if u.find_spec(m)))\n"
        "print(*(p for top in ('/srv', '/build', '/venv', '/etc/ssl')"
        " for p in pathlib.Path(top).rglob('ca-bundle*')))\n"
        "print(*(v for v in os.environ if v.endswith(('PROXY', '_CERT', '_BUNDLE', '_URL'))))\n"
    )
    container = engine.containers.run(image, ["python", "-c", script], detach=True)
    try:
        container.wait()
        output = container.logs()
    finally:
        container.remove(v=True, force=True)  # run(remove=True) would keep its volume
    assert output.decode().splitlines() == ["1000", "", "", "", ""]


def test_doctor_reports_missing_images(
    engine: docker.DockerClient, shop: Path, shop_environment: dict[str, str]
) -> None:
    done = subprocess.run(
        command("doctor", "--stack", shop), capture_output=True, text=True, check=False,
        env=shop_environment | {"PERL_IMAGE": "127.0.0.1:1/nobody/perl:1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {line[:20].strip(): line[20:].strip() for line in done.stdout.splitlines()}
    assert rows["Docker engine"].startswith(str(engine.version()["Version"]))
    assert rows["images"].startswith("1 of 3 missing")
    assert rows["images"].endswith("harness images build provides 127.0.0.1:1/nobody/perl:1")
