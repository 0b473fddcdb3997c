"""Addresses in Go's notation: `host:port`, `[v6]:port`, `:port`, `localhost:http`.

`split_host_port` parses such an address and `open_listener` opens a listening socket. Their
errors have the texts of Go's `net` package, because Toxiproxy's clients show them to users.
`format_address` formats a socket address the way a started proxy reports its `listen`.
"""

import os
import socket
from typing import Final

SocketAddress = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""Address family, and the address that `bind` and `connect` take."""

BACKLOG: Final = 4096


class AddressError(Exception):
    """The text is not an address, or it cannot be listened on; the message is Go's."""


def split_host_port(text: str) -> tuple[str, int]:
    """Parse `host:port` into the host, without brackets, and the port number.

    Raises:
        AddressError: The text is not an address, or the port is unknown.
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


def literal_addresses(host: str, port: int) -> list[SocketAddress] | None:
    """Return the addresses of a host that needs no name lookup, else None.

    `localhost` counts as such a host (RFC 6761), because it is the most common upstream, and a
    lookup costs a thread and a tenth of a millisecond for each connection.
    """
    if host in {"", "localhost"}:
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    try:
        if ":" in host:
            address, _, zone = host.partition("%")
            if address.lower().startswith("::ffff:") and "." in address:
                return literal_addresses(address[7:], port)
            socket.inet_pton(socket.AF_INET6, address)
            scope = socket.if_nametoindex(zone) if zone and address != "::1" else 0
            return [(socket.AF_INET6, (address, port, 0, scope))]
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return None
    return [(socket.AF_INET, (host, port))]


def open_listener(host: str, port: int, candidates: list[SocketAddress]) -> socket.socket:
    """Open a non-blocking listening socket.

    Args:
        host: The host as the client wrote it; empty means every address of both families.
        port: The port; 0 takes a free one.
        candidates: The addresses of the host; the first one is used, as in Go.

    Raises:
        AddressError: The address cannot be listened on.
    """
    display = format_address((host, port)) if host else f":{port}"
    # As in Go, each of these hosts means all addresses of both families.
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104  (the user asked for it)
        candidates = [(socket.AF_INET6, ("::", port, 0, 0))]
        if not socket.has_dualstack_ipv6():
            candidates = [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104
    family, address = candidates[0]
    display = format_address(address) if host else display
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise AddressError(f"listen tcp {display}: socket: {_error_text(error)}") from None
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit this option, which saves a system call for each connection.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            only = 0 if address[0] == "::" else 1
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise AddressError(f"listen tcp {display}: bind: {_error_text(error)}") from None
    return sock


def _error_text(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)


def format_address(address: object) -> str:
    """Return a socket address as Go prints it, or an empty text for any other value."""
    if not isinstance(address, tuple) or len(address) < 2:
        return ""
    host, port = str(address[0]), int(address[1])
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
