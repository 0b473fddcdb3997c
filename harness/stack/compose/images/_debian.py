"""The base image: Debian with its own Python, about as small as `python:3.11-slim`.

debootstrap creates a root file system, which the engine imports. Documentation and package lists
are left out, and so is the CA of the network it was built in.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness.errors import StackError, UsageError

from ._builder import ImageBuilder
from ._official import ensure_image

TAG = "python:3.11-slim-bookworm"
_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv"
RECIPE = f"debian-{_SUITE}-1"
_LEFT_OUT = (
    "dev/", "proc/", "sys/", "run/", "tmp/", "usr/share/doc/", "usr/share/man/",
    "usr/share/locale/", "usr/share/info/", "var/cache/", "var/lib/apt/lists/", "var/log/",
)  # fmt: skip


def ensure_base(builder: ImageBuilder) -> None:
    """Provide the base image."""
    ensure_image(builder, TAG, RECIPE, lambda: _build(builder))


def _build(builder: ImageBuilder) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise UsageError(
            f"images build: without a registry, debootstrap builds {TAG}, as root; install the "
            "package debootstrap and run this as root, or let the engine reach a registry"
        )
    with tempfile.TemporaryDirectory(prefix="outage-harness-") as folder:
        root, archive = Path(folder, "root"), Path(folder, "root.tar")
        _debootstrap(builder, root)
        python = root / "usr/local/bin/python"
        python.symlink_to("/usr/bin/python3")
        with tarfile.open(archive, "w") as tar:
            tar.add(root, ".", filter=_drop_unneeded)
        builder.write(f"{TAG}: docker import of {archive.stat().st_size / 1e6:.0f} MB")
        builder.import_root(archive, TAG, RECIPE, ['CMD ["python"]'])


def _debootstrap(builder: ImageBuilder, root: Path) -> None:
    mirror = [m] if (m := os.environ.get("HARNESS_DEBIAN_MIRROR")) else []
    command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(root)]
    builder.write(f"{TAG}: {' '.join([*command, *mirror])}")
    lines: list[str] = []
    with subprocess.Popen(
        [*command, *mirror], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            lines.append(line.strip())
            if number % 50 == 0:  # there are several hundred lines, one for each package
                builder.write(f"{TAG}: {lines[-1]}")
    if process.returncode:
        raise StackError(f"debootstrap failed ({process.returncode}): {' | '.join(lines[-3:])}")


def _drop_unneeded(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = entry.name.removeprefix("./")
    inside = any(name.startswith(folder) for folder in _LEFT_OUT)
    return None if inside else entry
