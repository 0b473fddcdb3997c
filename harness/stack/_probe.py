"""Readiness probes: they check from this process what a Compose health check checks.

Each probe makes one attempt and never raises.
"""

import http.client
import socket
import struct
from collections.abc import Callable

from ._spec import PostgresRun, Service

TIMEOUT = 1.0
"""Wall-clock seconds for connecting, and again for the answer."""


def probe_for(service: Service) -> Callable[[str, int], bool] | None:
    """Return the probe for `service`, a function of host and port; None if it has no port."""
    if isinstance(service.run, PostgresRun):
        return probe_postgres
    if service.health is not None and service.port is not None:
        path = service.health
        return lambda host, port: probe_http(host, port, path)
    return probe_port if service.port is not None else None


def probe_port(host: str, port: int) -> bool:
    """Return True if the port accepts a connection."""
    try:
        socket.create_connection((host, port), TIMEOUT).close()
    except OSError:
        return False
    return True


def probe_http(host: str, port: int, path: str) -> bool:
    """Return True if a GET of `path` is answered with a 2xx status."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def probe_postgres(host: str, port: int) -> bool:
    """Return True if PostgreSQL asks for authentication; while starting, it sends an error."""
    startup = b"user\0postgres\0database\0postgres\0\0"
    try:
        with socket.create_connection((host, port), TIMEOUT) as connection:
            connection.sendall(struct.pack("!ii", len(startup) + 8, 196608) + startup)  # 3.0
            # Read the whole answer: closing with unread bytes sends a reset, which PostgreSQL logs.
            return connection.recv(4096).startswith(b"R")
    except OSError:
        return False
