"""A small HTTP server that misbehaves on request: the path says how.

| path      | what it does with a request                                   |
|-----------|---------------------------------------------------------------|
| /ok       | 201 with a JSON object                                        |
| /text     | 200 with a text                                               |
| /status/N | status N with a JSON object                                   |
| /after/P  | as /ok, once /P has been asked for                            |
| /hang     | reads it and never answers                                    |
| /drip     | answers a byte at a time and never comes to the end           |
| /reset    | reads it and resets the connection                            |
| /close    | reads it and closes the connection                            |
| /cut      | answers half of the body that it announces                    |
| /broken   | 200 with JSON that is none                                    |
| /stale    | 201 as for keep-alive, then closes the connection             |
"""

import json
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Self


class Server:
    """Runs in threads of the test's process; `seen` counts requests by path."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.connections = 0
        self.gate = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: set[socket.socket] = set()
        self._over = threading.Event()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def await_seen(self, path: str, number: int, limit: float = 30.0) -> None:
        """Wait until `path` was asked for `number` times."""
        with self.gate:
            assert self.gate.wait_for(lambda: self.seen[path] >= number, limit), self.seen

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader:
                while self._one(connection, reader):
                    pass
        except OSError:
            pass
        finally:
            self._open.discard(connection)

    def _one(self, connection: socket.socket, reader: BinaryIO) -> bool:
        first = reader.readline().split()
        if len(first) < 2:
            return False
        length = 0
        while (line := reader.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        body = reader.read(length)
        path = first[1].decode()
        with self.gate:
            self.seen[path] += 1
            self.gate.notify_all()
        return self._answer(connection, path, body)

    def _answer(self, connection: socket.socket, path: str, body: bytes) -> bool:
        answer = json.dumps({"path": path, "said": len(body)}).encode()
        if path in {"/hang", "/drip", "/reset", "/close", "/cut"}:
            self._misbehave(connection, path, answer)
            return False
        if path.startswith("/after/"):
            self.await_seen(path.removeprefix("/after"), 1)
        if path == "/broken":
            connection.sendall(_head(200, 5) + b"{oops")
            return True
        if path == "/text":
            connection.sendall(_head(200, 2, "text/plain") + b"hi")
            return True
        status = int(path.rpartition("/")[2]) if path.startswith("/status/") else 201
        if status == 204:
            answer = b""
        connection.sendall(_head(status, len(answer)) + answer)
        return path != "/stale"

    def _misbehave(self, connection: socket.socket, path: str, answer: bytes) -> None:
        if path == "/hang":
            self._over.wait()
        elif path == "/drip":
            connection.sendall(_head(200, 10**6))
            while not self._over.wait(0.02):
                connection.sendall(b" ")
        elif path == "/reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif path == "/cut":
            connection.sendall(_head(201, len(answer)) + answer[:5])


def _head(status: int, length: int, kind: str = "application/json") -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
        "Location: /ok\r\n\r\n"
    ).encode()
