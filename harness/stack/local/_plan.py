"""From what a stack is to what is started here: ports, environments, command lines."""

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

_PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "SSL_CERT_", "VIRTUAL_ENV", "COVERAGE_", "HARNESS_")
"""All that a service sees of the harness's own environment: in a container it is none at all."""

_STOP_TERM, _STOP_FAST = 15, 2
"""SIGTERM; SIGINT, with which the official PostgreSQL image is stopped."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is needed to start each process, and start it again."""

    processes: dict[str, ProcessSpec]
    ports: dict[str, int]
    links: dict[str, int]
    api: int
    """The Toxiproxy's own port."""
    postgres: str = ""
    """PostgreSQL's version, if any is run."""

    def address(self, service: str) -> str:
        """Where `service` listens."""
        return f"127.0.0.1:{self.ports[service]}"

    def proxies(self, spec: StackSpec) -> dict[str, tuple[str, str]]:
        """Link -> where its proxy listens, and where it leads."""
        return {
            name: (f"127.0.0.1:{self.links[name]}", self.address(link.target))
            for name, link in spec.links.items()
        }


def ports_needed(spec: StackSpec) -> int:
    """How many ports a plan for `spec` takes."""
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
    """How `spec` is run on the ports `free`; `data` are the PostgreSQL services' directories."""
    numbers = iter(free)
    api = next(numbers)
    links = {name: next(numbers) for name in spec.links}
    ports = {name: next(numbers) for name, s in spec.services.items() if s.port is not None}
    base = _base_environment(state)
    clock = _clock(settings)
    processes = {
        spec.toxiproxy: ProcessSpec(
            service=spec.toxiproxy,
            argv=toxiproxy_command(api),
            environment=base | {"LOG_LEVEL": "info"},  # its own default logs every write
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
        own = dict((settings.environment or {}).get(name, {}))
        environment = (
            base
            | _listening(ports.get(name))
            | _rewritten(rewriter, service.environment)
            | clock
            | _rewritten(rewriter, own)
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
    other = (settings.apps or {}).get(service.name)
    run = AppRun(other) if other else service.run
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
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    # The environment's programs first: `python` in a command is the one that runs the harness.
    path = os.pathsep.join([str(Path(sys.executable).parent), passed_on.get("PATH", os.defpath)])
    return passed_on | {"PATH": path, "PYTHONUNBUFFERED": "1", LABEL: str(state.root)}


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
