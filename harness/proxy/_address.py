"""Addresses as Go writes them: `host:port`, `[v6]:port`, `:port`, `localhost:http`.

`split` parses an address and `listener` opens a listening socket on it. Both use the error
messages of Go's `net` package, because Toxiproxy clients show them to their users. `text` formats
a socket address; a started proxy reports its `listen` in that form.
"""

import os
import socket
from typing import Final

Sockaddr = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""The address family, and the address in the form that `bind` and `connect` take."""

BACKLOG: Final = 4096
"""How many connections the kernel queues until they are accepted."""


class AddressError(Exception):
    """The text is not an address, or listening on it failed. The message is the one Go gives."""


def split(text: str) -> tuple[str, int]:
    """Parse `host:port` and return the host, without brackets, and the port number.

    The port may be a number, a TCP service name, or empty, which means 0.

    Raises:
        AddressError: The text is not an address, or the service name is unknown.
    """
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
    """Return the addresses of a host that needs no name look-up, or None if it needs one.

    `localhost` needs none either (RFC 6761). It is the most frequent host, and a look-up costs a
    thread and a tenth of a millisecond for each connection. An empty host means `localhost`.
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
    """Open a non-blocking listening socket.

    Args:
        host: The host as configured. Empty, `0.0.0.0` and `::` mean all addresses, IPv4 and IPv6.
        port: The port number; 0 lets the kernel choose one.
        candidates: The addresses of `host`. The first one is used.

    Raises:
        AddressError: The socket cannot be opened or bound.
    """
    shown = text((host, port)) if host else f":{port}"
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  (the user's choice; Go treats all three alike)
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
        # Accepted sockets inherit TCP_NODELAY, which saves a system call for each connection.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            v6_only = 0 if address[0] == "::" else 1
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6_only)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise AddressError(f"listen tcp {shown}: bind: {_reason(error)}") from None
    return sock


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


def text(address: object) -> str:
    """Return a socket address as Go prints it; an empty text if it is not an IP address."""
    if not isinstance(address, tuple) or len(address) < 2:
        return ""
    host, port = str(address[0]), int(address[1])
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
