"""Everything that a service takes from outside, in one record, and how a process fills it."""

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
    """A service's surroundings. Tests and the simulation give their own."""

    name: str
    env: Mapping[str, str]
    clock: Clock
    log: Log
    new_id: Callable[[], str]
    http: Callable[[str], httpx.AsyncClient]
    """A client for a base URL, without a time-out of its own."""
    registry: Callable[[str, float], Awaitable[Registry]]
    """Opens the central registry behind a DSN; each call to it may take that many real seconds."""
    journal: Callable[[Path], Journal]
    """Opens a durable journal at a path."""
    crash: Callable[[], None] = lambda: None
    """Ends the process, where there is one, after a part of the service died."""

    def seconds(self, key: str, default: float) -> float:
        """A duration from the environment, in seconds of life."""
        return float(self.env.get(key, default))

    def number(self, key: str, default: int) -> int:
        """A whole number from the environment."""
        return int(self.env.get(key, default))


def _client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, timeout=None, trust_env=False, verify=False)  # noqa: S113, S501 - plain HTTP only; building a TLS context costs 98 ms


def _exit() -> None:
    sys.stdout.flush()
    os._exit(70)  # EX_SOFTWARE; a graceful shutdown could wait for the part that is dead


def process_world(name: str, env: Mapping[str, str] = os.environ) -> World:
    """The world of a real process: wall clock, sockets, files, PostgreSQL."""
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
    """The factory that uvicorn calls: `create` in the world of this process.

    The service's own name is the environment's `SERVICE`, e.g. `counter-cgk`.
    """
    return lambda: create(process_world(os.environ.get("SERVICE", create.__module__)))
