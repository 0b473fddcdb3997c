"""Tiny servers: HTTP's health path, PostgreSQL's SSLRequest, and one that sends nothing.

Run as a program (PORT [PROTOCOL [HOST]]) it serves one of them, by default HTTP, and prints its
port.
"""

import contextlib
import socket
import sys
from collections.abc import Callable
from threading import Thread

PROGRAM = __file__

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Filler: "
    + b"x" * 120
    + b"\r\nContent-Length: 15\r\n%s\r\n"
    + b'{"status":"ok"}'
)

_ALLOCATED: list[bytes] = []
"""Memory that requests for `/grow` allocated, until there is none left."""


def serve(listener: socket.socket, protocol: str) -> None:
    """Accept until `listener` is closed."""
    handle = {"http": _http, "postgres": _postgres, "silent": _silent}[protocol]
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_run, args=(handle, connection), daemon=True).start()


def _run(handle: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle(connection)


def _http(connection: socket.socket) -> None:
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while b"\r\n\r\n" in data:
            request, _, data = data.partition(b"\r\n\r\n")
            if request.startswith(b"GET /grow "):
                _ALLOCATED.append(b"x" * 16 * 1024 * 1024)
            closes = b"connection: close" in request.lower()
            connection.sendall(_ANSWER % (b"Connection: close\r\n" if closes else b""))
            if closes:
                return


def _postgres(connection: socket.socket) -> None:
    while head := connection.recv(8, socket.MSG_WAITALL):
        length, code = int.from_bytes(head[:4]), int.from_bytes(head[4:])
        rest = length - 8
        while rest:
            rest -= len(connection.recv(rest))
        if code == 80877103:
            connection.sendall(b"N")
        elif code == 196608:
            connection.sendall(b"R\0\0\0\x0c\0\0\0\x05salt")
        else:
            return


def _silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


if __name__ == "__main__":
    port, chosen, host = [*sys.argv[1:], *("", "http", "127.0.0.1")[len(sys.argv) - 1 :]]
    with socket.create_server((host, int(port)), backlog=512) as server:
        print(server.getsockname()[1], flush=True)
        serve(server, chosen)
