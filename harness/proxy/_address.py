"""Addresses as Go writes them: `host:port`, `[v6]:port`, `:port`, `localhost:http`.

`split` takes the text apart and `listener` opens a listening socket on it, both with the error
texts of Go's `net` package, because clients of Toxiproxy show them to people. `text` is the
way back: the form in which a started proxy reports its `listen`.
"""

import os
import socket
from typing import Final

Sockaddr = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family, and what `bind` and `connect` take."""

BACKLOG: Final = 4096


class AddressError(Exception):
    """The text is no address, or nobody can listen there; says so as Go does."""


def split(text: str) -> tuple[str, int]:
    """Take `host:port`, return the host (without brackets) and the port's number."""
    host, port = _split_host(text)
    return host, _port_number(port)


def _split_host(text: str) -> tuple[str, str]:
    if ":" not in text:
        raise AddressError(f"address {text}: missing port in address")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise AddressError(f"address {text}: missing ']' in address")
        if not rest:
            raise AddressError(f"address {text}: missing port in address")
        if not rest.startswith(":") or ":" in rest[1:]:
            problem = "too many colons" if rest.startswith(":") else "missing port"
            raise AddressError(f"address {text}: {problem} in address")
        port = rest[1:]
    else:
        host, _, port = text.rpartition(":")
        if ":" in host:
            raise AddressError(f"address {text}: too many colons in address")
    for bracket in "[]":
        if bracket in host or bracket in port:
            raise AddressError(f"address {text}: unexpected '{bracket}' in address")
    return host, port


def _port_number(port: str) -> int:
    digits = port[1:] if port[:1] in {"+", "-"} else port
    if not port:
        return 0
    if digits.isascii() and digits.isdigit():
        number = int(port)
        if not 0 <= number <= 65535:
            raise AddressError(f"address {port}: invalid port")
        return number
    try:
        return socket.getservbyname(port, "tcp")
    except (OSError, UnicodeError):
        raise AddressError(f"lookup tcp/{port}: unknown port") from None


def literal(host: str, port: int) -> list[Sockaddr] | None:
    """Return what to connect to if no look-up is needed, else None.

    `localhost` is answered here too (RFC 6761): it is what most people write, and a look-up
    costs a thread and a tenth of a millisecond for each connection.
    """
    if host == "localhost":
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    if not host:
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    try:
        if ":" in host:
            address, _, zone = host.partition("%")
            if address.lower().startswith("::ffff:") and "." in address:
                return literal(address[7:], port)
            socket.inet_pton(socket.AF_INET6, address)
            scope = socket.if_nametoindex(zone) if zone and address != "::1" else 0
            return [(socket.AF_INET6, (address, port, 0, scope))]
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return None
    return [(socket.AF_INET, (host, port))]


def listener(host: str, port: int, candidates: list[Sockaddr]) -> socket.socket:
    """Open a non-blocking listening socket; an empty host means every address, both families."""
    shown = text((host, port)) if host else f":{port}"
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  (what the user asked for, as Go reads it)
        candidates = [(socket.AF_INET6, ("::", port, 0, 0))]
        if not socket.has_dualstack_ipv6():
            candidates = [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104
    family, address = candidates[0]
    shown = text(address) if host else shown
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"listen tcp {shown}: socket: {_reason(error)}") from None
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit this, which saves a system call for each connection.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            only = 0 if address[0] == "::" else 1
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise AddressError(f"listen tcp {shown}: bind: {_reason(error)}") from None
    return sock


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


def text(address: object) -> str:
    """Return an address as Go prints it."""
    if not isinstance(address, tuple) or len(address) < 2:
        return ""
    host, port = str(address[0]), int(address[1])
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
