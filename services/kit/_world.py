"""A service's dependencies in one record, and their implementation for a real process."""

import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import httpx
from starlette.applications import Starlette

from services.store import Registry, open_postgres

from ._clock import Clock, PacedClock
from ._journal import Journal
from ._log import Log, json_log
from ._sqlite import SqliteJournal


@dataclass(frozen=True)
class World:
    """Everything that a service takes from outside. Tests and the simulation pass their own."""

    name: str
    env: Mapping[str, str]
    clock: Clock
    log: Log
    new_id: Callable[[], str]
    http: Callable[[str], httpx.AsyncClient]
    """Returns an HTTP client for a base URL, without a time-out of its own."""
    registry: Callable[[str, float], Awaitable[Registry]]
    """Opens the central registry at a DSN, with a time-out for each call in wall-clock seconds."""
    journal: Callable[[Path], Journal]
    """Opens a durable journal at a path."""
    crash: Callable[[], None] = lambda: None
    """Ends the process, if there is one, after a background task has failed."""

    def seconds(self, key: str, default: float) -> float:
        """Return the duration `key` from the environment, in scenario seconds."""
        return float(self.env.get(key, default))

    def number(self, key: str, default: int) -> int:
        """Return the whole number `key` from the environment."""
        return int(self.env.get(key, default))


def _client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, timeout=None, trust_env=False, verify=False)  # noqa: S113, S501 - plain HTTP only; building a TLS context costs 98 ms


def _exit() -> None:
    sys.stdout.flush()
    os._exit(70)  # EX_SOFTWARE; a graceful shutdown could wait for the failed task for ever


def process_world(name: str, env: Mapping[str, str] = os.environ) -> World:
    """Return the dependencies of a real process: wall clock, sockets, files, PostgreSQL.

    Args:
        name: The service's name, e.g. `counter-cgk`.
        env: The environment; `PACE`, `CLOCK_EPOCH`, `CLOCK_ORIGIN` and `CLOCK_FLOOR` set the clock.
    """
    origin = env.get("CLOCK_ORIGIN")
    clock = PacedClock(
        float(env.get("PACE", "1")),
        epoch=float(env.get("CLOCK_EPOCH", "0")),
        origin=datetime.fromisoformat(origin).timestamp() if origin else None,
        floor=float(env.get("CLOCK_FLOOR", "0.5")),
    )
    return World(
        name=name,
        env=env,
        clock=clock,
        log=json_log(name, clock),
        new_id=lambda: str(uuid4()),
        http=_client,
        registry=open_postgres,
        journal=SqliteJournal,
        crash=_exit,
    )


def deploy(create: Callable[[World], Starlette]) -> Callable[[], Starlette]:
    """Return a factory for uvicorn's `--factory`, which calls `create` with this process's world.

    The service's name is taken from the environment's `SERVICE`, e.g. `counter-cgk`.
    """
    return lambda: create(process_world(os.environ.get("SERVICE", create.__module__)))
