"""The description of a stack, as read from its Compose file: services, links and sites."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AppRun:
    """An ASGI application factory, `module:name`, called without arguments."""

    factory: str


@dataclass(frozen=True)
class CommandRun:
    """A command, for a service in any language; started in the stack's directory."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class PostgresRun:
    """A PostgreSQL server, set up by the `POSTGRES_*` variables of the official image."""


Run = AppRun | CommandRun | PostgresRun


@dataclass(frozen=True)
class Service:
    """One service: its site, how it is run without Docker, and the endpoints the harness reads."""

    name: str
    site: str
    """The place that it is in; services of a site can fail together."""
    run: Run
    """How the local backend runs it."""
    port: int | None
    """Its port in the Compose network; None for a service that is not called."""
    health: str | None
    """HTTP path that answers 2xx when it is ready; None: it is ready when its port accepts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: Mapping[str, str] = field(default_factory=dict)
    """Other service -> `service_started` or `service_healthy`."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Mount path -> name of the volume."""
    binds: Mapping[str, Path] = field(default_factory=dict)
    """Mount path -> host path, for bind mounts."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Final reads: name -> HTTP path of the first page, `{"items": [...], "next": path|null}`."""
    quiescent: str | None = None
    """HTTP path whose JSON answer has a boolean `quiescent`, true when no work is left."""
    networks: tuple[str, ...] = ("default",)
    """Compose networks that it is connected to; empty if it has a `network_mode`."""
    disk: int | None = None
    """Size limit of each of its named volumes in containers, in bytes; None: no limit."""
    stop_grace_period: float = 10.0
    """Wall-clock seconds between SIGTERM and SIGKILL when it is stopped; not divided by pace."""


@dataclass(frozen=True)
class Link:
    """A connection from one service to another, through the Toxiproxy proxy of the same name."""

    name: str
    caller: str
    target: str
    listen: int
    """The proxy's port in the Compose network; the caller's environment contains it."""


@dataclass(frozen=True)
class StackSpec:
    """A whole stack."""

    name: str
    """The Compose project name."""
    directory: Path
    """The directory of the Compose file."""
    services: Mapping[str, Service]
    links: Mapping[str, Link]
    toxiproxy: str
    """The Compose service that runs Toxiproxy."""
    experiments: Path
    """The directory of its scenarios."""
    checks: tuple[str, ...] = ()
    """Modules to import that define checks of this system."""

    @property
    def sites(self) -> tuple[str, ...]:
        """All sites, in the order of the Compose file."""
        return tuple(dict.fromkeys(service.site for service in self.services.values()))

    def at(self, site: str) -> tuple[str, ...]:
        """Return the names of the services of `site`."""
        return tuple(name for name, service in self.services.items() if service.site == site)
