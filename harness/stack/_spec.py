"""What a stack is, as read from its Compose file: services, the links between them, sites."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AppRun:
    """An ASGI application factory, `module:name`, called without arguments."""

    factory: str


@dataclass(frozen=True)
class CommandRun:
    """A plain command, for a system that is not Python; started in the stack's directory."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class PostgresRun:
    """A PostgreSQL server with the official image's `POSTGRES_*` environment."""


Run = AppRun | CommandRun | PostgresRun


@dataclass(frozen=True)
class Service:
    """One service: where it is, how it is run without Docker, what can be asked of it."""

    name: str
    site: str
    run: Run
    port: int | None
    """Its port in the Compose file; None for a service that nobody calls."""
    health: str | None
    """HTTP path that answers 2xx when it is alive; None: its port is connected to instead."""
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: Mapping[str, str] = field(default_factory=dict)
    """Other service -> `service_started` or `service_healthy`."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Path inside the service -> name of the volume."""
    binds: Mapping[str, Path] = field(default_factory=dict)
    """Path inside the service -> the path outside that is bound there."""
    reads: Mapping[str, str] = field(default_factory=dict)
    """Final reads: name -> HTTP path of the first page, `{"items": [...], "next": path|null}`."""
    quiescent: str | None = None
    """HTTP path whose JSON answer has a boolean `quiescent`: nothing left to do."""
    networks: tuple[str, ...] = ("default",)
    """The networks that it is on in containers; none if its `network_mode` says otherwise."""
    disk: int | None = None
    """Bytes that each of its named volumes holds in containers; None: as much as the machine."""
    stop_grace_period: float = 10.0
    """Seconds between SIGTERM and SIGKILL when it is stopped; real ones, not divided by pace."""


@dataclass(frozen=True)
class Link:
    """Who calls whom. Every link runs through a Toxiproxy proxy of the same name."""

    name: str
    caller: str
    target: str
    listen: int
    """The proxy's port in the Compose file; the caller's environment names it."""


@dataclass(frozen=True)
class StackSpec:
    """A whole stack. `checks` are modules to import for the checks of this very system."""

    name: str
    directory: Path
    services: Mapping[str, Service]
    links: Mapping[str, Link]
    toxiproxy: str
    """The Compose service that is the Toxiproxy."""
    experiments: Path
    """Where its scenarios are."""
    checks: tuple[str, ...] = ()

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites, in the order in which the file first names them."""
        return tuple(dict.fromkeys(service.site for service in self.services.values()))

    def at(self, site: str) -> tuple[str, ...]:
        """The services of `site`."""
        return tuple(name for name, service in self.services.items() if service.site == site)
