"""Images made here: kept, made anew, told about as they are; and what is not in ours."""

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
    """A tag of this test's own; whatever it names is removed."""
    name = f"outage-harness/test-{uuid.uuid4().hex[:8]}:local"
    yield name
    if engine.images.list(name):
        engine.images.remove(name, force=True)


def test_an_image_tells_its_recipe(builder: ImageBuilder, tag: str) -> None:
    builder.build(context({"Dockerfile": MINIMAL, "one": b"1"}), tag, recipe="one")
    assert builder.recipe_of(tag) == "one"


def test_an_image_that_is_replaced_leaves_nothing(
    engine: docker.DockerClient, builder: ImageBuilder, tag: str
) -> None:
    ids = []
    for n, content in enumerate((b"3", b"4", b"4")):
        builder.build(context({"Dockerfile": MINIMAL, "one": content}), tag, recipe=str(n // 2))
        ids.append(engine.images.get(tag).id)
    assert len({*ids}) == 3  # the last two differ by their recipe
    assert [one for one in images_of(engine) if one in ids] == ids[-1:]


def test_an_image_that_a_container_is_made_of_is_replaced_and_left(
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


def test_what_nobody_made_here_has_no_recipe(
    engine: docker.DockerClient, builder: ImageBuilder, tag: str
) -> None:
    assert builder.recipe_of(tag) is None
    archive = context({"Dockerfile": MINIMAL, "one": b"2"})
    for _ in engine.api.build(fileobj=io.BytesIO(archive), custom_context=True, tag=tag):
        pass
    assert builder.recipe_of(tag) == NOT_BUILT_HERE


def test_a_step_that_fails_is_told_with_its_last_lines(builder: ImageBuilder, tag: str) -> None:
    dockerfile = b"FROM outage-harness/services:local\nRUN echo no flour left; exit 3\n"
    with pytest.raises(StackError, match=rf"^{tag}: .*returned a non-zero code: 3; .*no flour"):
        builder.build(context({"Dockerfile": dockerfile}), tag, recipe="one")


def test_an_archive_that_is_none_is_told_and_no_image(
    builder: ImageBuilder, engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    archive = tmp_path / "root.tar"
    archive.write_text("no archive")
    with pytest.raises(StackError, match=rf"^{tag}: cannot be imported: .*unexpected EOF"):
        builder.import_root(archive, tag, "one", [])
    assert builder.recipe_of(tag) is None
    assert not engine.images.list(f"{tag}{UNFINISHED}")


def test_what_was_imported_bears_its_own_tag_and_no_other(
    builder: ImageBuilder, engine: docker.DockerClient, tag: str, tmp_path: Path
) -> None:
    archive = tmp_path / "root.tar"
    for recipe in ("one", "two"):
        archive.write_bytes(context({"name": recipe.encode()}))
        builder.import_root(archive, tag, recipe, [])
        assert builder.recipe_of(tag) == recipe
        assert engine.images.get(tag).tags == [tag]


def test_a_context_is_the_same_for_everybody_at_any_time(tmp_path: Path) -> None:
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
def test_what_runs_is_nobodys_and_holds_no_tools_and_no_ca_of_this_network(
    engine: docker.DockerClient, load_image: str, image: str
) -> None:
    assert load_image
    look = (
        "import importlib.util as u, os, pathlib, shutil\n"
        "print(os.getuid())\n"
        "print(*(t for t in ('gcc', 'cc', 'make', 'pip', 'go') if shutil.which(t)))\n"
        "print(*(m for m in ('pip', 'setuptools', 'wheel') if u.find_spec(m)))\n"
        "print(*(p for top in ('/srv', '/build', '/venv', '/etc/ssl')"
        " for p in pathlib.Path(top).rglob('ca-bundle*')))\n"
        "print(*(v for v in os.environ if v.endswith(('PROXY', '_CERT', '_BUNDLE', '_URL'))))\n"
    )
    container = engine.containers.run(image, ["python", "-c", look], detach=True)
    try:
        container.wait()
        told = container.logs()
    finally:
        container.remove(v=True, force=True)  # run(remove=True) would leave its volume
    assert told.decode().splitlines() == ["1000", "", "", "", ""]


def test_the_doctor_names_the_images_that_are_missing(
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
    assert rows["images"].endswith("harness images build sees to 127.0.0.1:1/nobody/perl:1")
