"""Convert a Compose file to a `StackSpec`. `read_stack` in `_compose_file` is the entry point."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._blocks import ServiceBlock, StackBlock, read_block
from ._consistency import check_consistency
from ._interpolation import interpolate
from ._problems import Problems
from ._shapes import (
    parse_env_file,
    read_depends_on,
    read_env_files,
    read_environment,
    read_grace,
    read_networks,
    read_volumes,
)
from ._spec import AppRun, CommandRun, Link, PostgresRun, Run, Service, StackSpec
from ._yaml import read_mapping

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names of a Compose file; the first that exists is read, as in Compose."""
_POSTGRES_PORT = 5432


def read(directory: Path, environment: Mapping[str, str]) -> StackSpec:
    """Read the Compose file in `directory`; arguments and errors are those of `read_stack`."""
    file = _find(directory)
    problems = Problems(file)
    raw = read_mapping(problems)
    shell = _dot_env(directory) | dict(environment)
    content = interpolate(raw, shell, problems, ())
    problems.raise_if_any()
    services = _mapping(content.get("services"), problems, ("services",))
    block = read_block(StackBlock, content.get("x-harness") or {}, problems, ("x-harness",))
    if "x-harness" not in content:
        problems.add(("x-harness",), "is missing; add it with toxiproxy: and links:")
    members = {
        name: service
        for name, body in services.items()
        if (service := _Reader(name, body, directory, shell, problems).service()) is not None
    }
    if block is not None:
        spec = StackSpec(
            name=_name(content, directory, shell),
            directory=directory.resolve(),
            services=members,
            links={
                name: Link(name, link.caller, link.target, link.listen)
                for name, link in block.links.items()
            },
            toxiproxy=block.toxiproxy,
            experiments=directory.resolve() / block.experiments,
            checks=block.checks,
        )
        volumes, networks = (
            _mapping(content.get(key), problems, ()) for key in ("volumes", "networks")
        )
        check_consistency(spec, services, volumes, networks, problems)
        problems.raise_if_any()
        return spec
    problems.raise_if_any()
    raise AssertionError("a missing block is a problem")


class _Reader:
    """Reads one entry of `services:`."""

    def __init__(
        self, name: str, body: Any, directory: Path, shell: Mapping[str, str], problems: Problems
    ) -> None:
        self._name, self._directory, self._shell = name, directory, shell
        self._problems, self._at = problems, ("services", name)
        self._body = body if isinstance(body, dict) else {}
        if not isinstance(body, dict):
            problems.add(self._at, "must be a mapping")

    def service(self) -> Service | None:
        """Return the service; None if it is not part of the stack or its block is malformed."""
        body, problems, at = self._body, self._problems, self._at
        if "x-harness" not in body:
            return None
        block = read_block(ServiceBlock, body["x-harness"], problems, (*at, "x-harness"))
        if "extends" in body:
            problems.add((*at, "extends"), "is not supported; write the whole service here instead")
        volumes, binds = read_volumes(body.get("volumes"), self._name, problems, (*at, "volumes"))
        variables = read_env_files(
            body.get("env_file"), self._directory, problems, (*at, "env_file")
        ) | read_environment(body.get("environment"), self._shell, problems, (*at, "environment"))
        depends_on = read_depends_on(body.get("depends_on"), problems, (*at, "depends_on"))
        grace = read_grace(body.get("stop_grace_period"), problems, (*at, "stop_grace_period"))
        networks = read_networks(body, problems, at)
        if block is None:
            return None
        return Service(
            name=self._name,
            site=block.site,
            run=_run(block),
            port=self._port(block),
            health=block.health,
            environment=variables,
            depends_on=depends_on,
            volumes=volumes,
            binds={
                inside: (self._directory / Path(outside).expanduser()).resolve()
                for inside, outside in binds.items()
            },
            reads=block.reads,
            quiescent=block.quiescent,
            networks=networks,
            disk=block.disk,
            stop_grace_period=grace,
        )

    def _port(self, block: ServiceBlock) -> int | None:
        """Return the port of the block, PostgreSQL's default, or the only port in `expose`."""
        if block.port is not None:
            return block.port
        if block.postgres:
            return _POSTGRES_PORT
        exposed = self._body.get("expose")
        if isinstance(exposed, list) and len(exposed) == 1 and str(exposed[0]).isdigit():
            return int(exposed[0])
        if block.app is not None:
            self._problems.add(
                (*self._at, "x-harness", "port"),
                "is missing; add the port on which the app listens in the Compose network",
            )
        return None


def _run(block: ServiceBlock) -> Run:
    if block.app is not None:
        return AppRun(block.app)
    return PostgresRun() if block.command is None else CommandRun(block.command)


def _find(directory: Path) -> Path:
    for name in FILES:
        if (directory / name).is_file():
            return directory / name
    problems = Problems(directory / "docker-compose.yml")
    problems.add((), "the file does not exist; name the directory of the stack with --stack DIR")
    problems.raise_if_any()
    raise AssertionError("a missing file is a problem")


def _dot_env(directory: Path) -> dict[str, str]:
    try:
        return parse_env_file((directory / ".env").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def _mapping(value: Any, problems: Problems, at: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(key): item for key, item in value.items()}
    if at:
        problems.add(at, "must map names to services; add at least one")
    return {}


def _name(content: Mapping[str, Any], directory: Path, shell: Mapping[str, str]) -> str:
    """Return the project name that Compose chooses: lower-case letters, digits, - and _."""
    chosen = shell.get("COMPOSE_PROJECT_NAME") or content.get("name") or directory.resolve().name
    kept = "".join(c for c in str(chosen).lower() if c.isascii() and (c.isalnum() or c in "-_"))
    return kept.lstrip("-_") or "stack"
