"""The protocols that probes can use, one per file, and the choice of one for a service."""

from harness.chaos._probe_protocol import ProbeProtocol
from harness.stack import PostgresRun, Service

from .http import HttpProtocol
from .postgres import PostgresProtocol
from .tcp import TcpProtocol

__all__ = ["HttpProtocol", "PostgresProtocol", "TcpProtocol", "protocol_of"]


def protocol_of(service: Service) -> ProbeProtocol:
    """Return the protocol for `service`: PostgreSQL, HTTP if it has a health path, else TCP."""
    if isinstance(service.run, PostgresRun):
        return PostgresProtocol(service.environment.get("POSTGRES_USER", "postgres"))
    return HttpProtocol(service.health) if service.health is not None else TcpProtocol()
