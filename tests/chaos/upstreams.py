"""Tiny servers: HTTP's health path, PostgreSQL's SSLRequest, and one that says nothing.

Run as a program (PORT [MANNER [HOST]]) it serves one of them, HTTP without a manner, and prints the
port that it got.
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

_GROWN: list[bytes] = []
"""What `/grow` was asked to keep, until there is no memory left."""


def serve(listener: socket.socket, manner: str) -> None:
    """Accept until `listener` is closed."""
    talk = {"http": _http, "postgres": _postgres, "mute": _mute}[manner]
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_guarded, args=(talk, connection), daemon=True).start()


def _guarded(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk(connection)


def _http(connection: socket.socket) -> None:
    data = b""
    while piece := connection.recv(65536):
        data += piece
        while b"\r\n\r\n" in data:
            request, _, data = data.partition(b"\r\n\r\n")
            if request.startswith(b"GET /grow "):
                _GROWN.append(b"x" * 16 * 1024 * 1024)
            last = b"connection: close" in request.lower()
            connection.sendall(_ANSWER % (b"Connection: close\r\n" if last else b""))
            if last:
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


def _mute(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


if __name__ == "__main__":
    port, chosen, host = [*sys.argv[1:], *("", "http", "127.0.0.1")[len(sys.argv) - 1 :]]
    with socket.create_server((host, int(port)), backlog=512) as server:
        print(server.getsockname()[1], flush=True)
        serve(server, chosen)
