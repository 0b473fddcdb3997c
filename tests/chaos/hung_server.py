"""A server that stops to answer, as a frozen Toxiproxy does."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


class HungServer:
    """Accepts every connection; it sends the given `answers`, one per request, and then none."""

    def __init__(self, listener: socket.socket, answers: tuple[str, ...], delay: float) -> None:
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.requests: list[str] = []
        """The first line of each request."""
        self.closed = Event()
        self._answers = list(answers)
        self._delay = delay

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                Thread(target=self._respond, args=(connection,), daemon=True).start()

    def _respond(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.requests.append(connection.recv(65536).decode().partition("\r\n")[0])
            if not self._answers:
                self.closed.wait()
                return
            body = self._answers.pop(0)
            self.closed.wait(self._delay)
            connection.sendall(
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )


@contextmanager
def hung_server(*answers: str, delay: float = 0.0) -> Iterator[HungServer]:
    """Yield a server that gives `answers`, each after `delay` seconds, and then does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HungServer(listener, answers, delay)
        Thread(target=server.serve, args=(listener,), daemon=True).start()
        try:
            yield server
        finally:
            server.closed.set()
