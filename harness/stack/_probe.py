"""Whether a service is ready: what Compose's health checks ask, asked from here.

Each probe is one attempt with a short timeout and never raises.
"""

import http.client
import socket
import struct
from collections.abc import Callable

from ._spec import PostgresRun, Service

TIMEOUT = 1.0


def probe_for(service: Service) -> Callable[[str, int], bool] | None:
    """How `service` is probed at a host and port; None if there is nothing to ask."""
    if isinstance(service.run, PostgresRun):
        return probe_postgres
    if service.health is not None and service.port is not None:
        path = service.health
        return lambda host, port: probe_http(host, port, path)
    return probe_port if service.port is not None else None


def probe_port(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), TIMEOUT).close()
    except OSError:
        return False
    return True


def probe_http(host: str, port: int, path: str) -> bool:
    """Whether a GET of `path` is answered with 2xx."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def probe_postgres(host: str, port: int) -> bool:
    """Whether PostgreSQL asks who we are; while it starts up it answers with an error instead."""
    startup = b"user\0postgres\0database\0postgres\0\0"
    try:
        with socket.create_connection((host, port), TIMEOUT) as connection:
            connection.sendall(struct.pack("!ii", len(startup) + 8, 196608) + startup)  # 3.0
            # All of it: to close on unread bytes is a reset, of which PostgreSQL would complain.
            return connection.recv(4096).startswith(b"R")
    except OSError:
        return False
