"""Convert a stack's description to the processes of this machine: ports, environments, commands."""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from .._protocol import Settings
from .._spec import AppRun, CommandRun, PostgresRun, Service, StackSpec
from ._messages import ProcessSpec
from ._postgres import Postgres
from ._rewrite import Rewriter
from ._state import LABEL, StateDir
from ._toxiproxy import toxiproxy_command

_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
_INHERITED_PREFIXES = ("LC_", "PYTHON", "SSL_CERT_", "VIRTUAL_ENV", "COVERAGE_", "HARNESS_")
"""All that services inherit of the harness's environment; a container inherits nothing."""

_STOP_TERM, _STOP_FAST = 15, 2
"""SIGTERM, and SIGINT for PostgreSQL (fast shutdown), as in its official image."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How each process of a stack is started, and where it listens; part of state.json."""

    processes: dict[str, ProcessSpec]
    """By service; the Toxiproxy is one of them."""
    ports: dict[str, int]
    """Service -> its port on loopback."""
    links: dict[str, int]
    """Link -> the port of its proxy on loopback."""
    api: int
    """The port of the Toxiproxy API."""
    postgres: str = ""
    """The version of PostgreSQL; empty if the stack has none."""

    def address(self, service: str) -> str:
        """Return `host:port` at which `service` listens."""
        return f"127.0.0.1:{self.ports[service]}"

    def proxies(self, spec: StackSpec) -> dict[str, tuple[str, str]]:
        """Return link -> (listen, upstream), each `host:port`, for `create_proxies`."""
        return {
            name: (f"127.0.0.1:{self.links[name]}", self.address(link.target))
            for name, link in spec.links.items()
        }


def ports_needed(spec: StackSpec) -> int:
    """Return the number of ports that `make_plan` needs for `spec`."""
    return 1 + len(spec.links) + sum(s.port is not None for s in spec.services.values())


def make_plan(
    spec: StackSpec,
    settings: Settings,
    state: StateDir,
    *,
    free: Sequence[int],
    data: Mapping[str, Path],
    postgres: Postgres,
) -> Plan:
    """Return the plan to run `spec`.

    Args:
        spec: the stack.
        settings: those of the run; `epoch` must be set.
        state: the state directory, which holds the volumes.
        free: at least `ports_needed(spec)` free ports.
        data: PostgreSQL service -> its data directory.
        postgres: the installation to run.
    """
    numbers = iter(free)
    api = next(numbers)
    links = {name: next(numbers) for name in spec.links}
    ports = {name: next(numbers) for name, s in spec.services.items() if s.port is not None}
    base = _base_environment(state)
    clock = _clock(settings)
    processes = {
        spec.toxiproxy: ProcessSpec(
            service=spec.toxiproxy,
            argv=toxiproxy_command(api, settings.seed),
            environment=base | {"LOG_LEVEL": "info"},  # the default level logs every write
            directory=str(Path.cwd()),
            port=api,
            grace=1.0,
            infrastructure=True,
        )
    }
    for name, service in spec.services.items():
        rewriter = Rewriter(
            service=name,
            addresses={
                f"{spec.toxiproxy}:{link.listen}": f"127.0.0.1:{links[link.name]}"
                for link in spec.links.values()
                if link.caller == name
            },
            paths={
                **{path: state.volumes / volume for path, volume in service.volumes.items()},
                **service.binds,
            },
            inside_port=service.port,
            port=ports.get(name),
        )
        overrides = dict((settings.environment or {}).get(name, {}))
        environment = (
            base
            | _listening(ports.get(name))
            | _rewritten(rewriter, service.environment)
            | clock
            | _rewritten(rewriter, overrides)
        )
        if isinstance(service.run, PostgresRun):
            processes[name] = _database(service, data[name], ports[name], base, postgres)
        else:
            processes[name] = _program(service, rewriter, environment, spec, settings)
    version = postgres.version if data else ""
    return Plan(processes=processes, ports=ports, links=links, api=api, postgres=version)


def _program(
    service: Service,
    rewriter: Rewriter,
    environment: dict[str, str],
    spec: StackSpec,
    settings: Settings,
) -> ProcessSpec:
    override = (settings.apps or {}).get(service.name)
    run = AppRun(override) if override else service.run
    return ProcessSpec(
        service=service.name,
        app=run.factory if isinstance(run, AppRun) else "",
        argv=tuple(map(rewriter.argument, run.argv)) if isinstance(run, CommandRun) else (),
        environment=environment,
        directory=str(spec.directory),
        port=rewriter.port or 0,
        grace=service.stop_grace_period,
        stop_signal=_STOP_TERM,
    )


def _database(
    service: Service, data: Path, port: int, base: dict[str, str], postgres: Postgres
) -> ProcessSpec:
    user, group = postgres.owner or (None, None)
    return ProcessSpec(
        service=service.name,
        argv=postgres.command(data, port),
        environment=base | {"LC_ALL": "C", "TZ": "UTC"},
        directory="/",
        port=port,
        user=user,
        group=group,
        grace=service.stop_grace_period,
        stop_signal=_STOP_FAST,
        infrastructure=True,
        data=str(data),
    )


def _base_environment(state: StateDir) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    # This virtual environment comes first: `python` in a command is the one of the harness.
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    return inherited | {"PATH": path, "PYTHONUNBUFFERED": "1", LABEL: str(state.root)}


def _clock(settings: Settings) -> dict[str, str]:
    assert settings.epoch is not None
    origin = settings.origin or datetime.fromtimestamp(settings.epoch, UTC)
    return {
        "PACE": repr(float(settings.pace)),
        "CLOCK_EPOCH": repr(settings.epoch),
        "CLOCK_ORIGIN": origin.isoformat(),
    }


def _listening(port: int | None) -> dict[str, str]:
    return {} if port is None else {"HOST": "127.0.0.1", "PORT": str(port)}


def _rewritten(rewriter: Rewriter, values: Mapping[str, str]) -> dict[str, str]:
    return {name: rewriter.variable(name, value) for name, value in values.items()}
