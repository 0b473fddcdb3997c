"""A small HTTP/1.1 server on the loop, for the control API.

Parsing is left to httptools (the parser of Node and uvicorn). Requests of one connection are
answered in order, one in a turn of the loop, and no more are read before those at hand are
answered and the answers taken. So a client that is slow to send or to read, or sends thousands of
requests in one go, holds up nobody but itself.
"""

import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httptools

from harness.proxy._coroutines import run
from harness.proxy._descriptors import SHORTAGE, Reserve
from harness.proxy._loop import READ, TROUBLE, WRITE, Loop, Timer

MOST_BODY: Final = 256 << 10
"""Some two thousand proxies: more would take too long to read, for everybody else."""
MOST_HEAD: Final = 1 << 20
IDLE_S: Final = 60.0
REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Request Entity Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}  # fmt: skip

Headers = list[tuple[str, str]]


class Request:
    """A request, whole."""

    __slots__ = ("body", "headers", "keep_alive", "method", "target")

    def __init__(self, method: str, target: bytes, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        """By lower-case name."""
        self.body = body
        self.keep_alive = True


class Response:
    """A status, a body, and headers beyond the ones that every answer carries."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or []


Respond = Callable[[Request], Coroutine[Any, Any, Response]]


class HttpServer:
    """Accepts API clients."""

    def __init__(self, loop: Loop, sock: socket.socket, respond: Respond) -> None:
        self.loop = loop
        self.respond = respond
        self.reserve = Reserve()
        self._sock = sock
        loop.watch(sock.fileno(), READ, self._on_clients, urgent=True)

    def _on_clients(self, _events: int) -> None:
        for _ in range(16):
            try:
                client, _ = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGE and self.reserve.give():
                    continue
                # Even the reserve is used up: look again a little later.
                self.loop.forget(self._sock.fileno())
                self.loop.call_at(self.loop.time() + 0.02, self._watch_again)
                return
            client.setblocking(False)
            HttpConnection(self, client)

    def _watch_again(self) -> None:
        self.loop.watch(self._sock.fileno(), READ, self._on_clients, urgent=True)


class HttpConnection:
    """One API client's connection; the methods named `on_...` are called by the parser."""

    def __init__(self, server: HttpServer, sock: socket.socket) -> None:
        self._server = server
        self._loop = server.loop
        self._sock = sock
        self._fd = sock.fileno()
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._waiting: deque[Request | int] = deque()
        """Requests, or the status with which what was no request is refused."""
        self._busy = False
        self._out = b""
        self._mask = READ
        self._scheduled = False
        self._closing = False
        self._timer: Timer | None = None
        self._loop.watch(self._fd, self._mask, self._on_event, urgent=True)
        self._rest()

    # Called by the loop.

    def _on_event(self, events: int) -> None:
        if events & WRITE and self._out:
            self._flush()
        if events & READ and self._fd >= 0:
            self._read()
        elif events & TROUBLE and self._fd >= 0:
            self._close()

    def _read(self) -> None:
        try:
            data = self._sock.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        self._rest()
        try:
            self._parser.feed_data(data)
        except _TooLargeError as error:
            self._waiting.append(error.status)
        except httptools.HttpParserUpgrade:
            self._waiting.append(400)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._waiting.append(cause.status if isinstance(cause, _TooLargeError) else 400)
        self._next()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._target, self._headers, self._body = b"", {}, []
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """Part of the request's target."""
        self._target += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._grow_head(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body follows; curl waits to be asked for a long one."""
        expects = self._headers.get("expect", "").lower()
        if expects == "100-continue" and not self._busy and not self._waiting:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Part of the body."""
        self._body_size += len(data)
        if self._body_size > MOST_BODY:
            raise _TooLargeError(413)
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target,
            self._headers,
            b"".join(self._body),
        )
        request.keep_alive = self._parser.should_keep_alive()
        self._waiting.append(request)

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MOST_HEAD:
            raise _TooLargeError(431)

    # Answering.

    def _next(self) -> None:
        self._scheduled = False
        if self._waiting and not self._busy and not self._closing and not self._out:
            request = self._waiting.popleft()
            if isinstance(request, int):
                self._refuse(request)
            else:
                self._busy = True
                run(self._answer(request))
        self._refresh()

    def _refresh(self) -> None:
        """Read only when there is nothing left to do."""
        if self._fd < 0:
            return
        mask = WRITE if self._out else READ if not self._waiting else 0
        if mask != self._mask:
            self._mask = mask
            self._loop.change(self._fd, mask)
        if self._waiting and not self._busy and not self._out and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._next)

    async def _answer(self, request: Request) -> None:
        response = await self._server.respond(request)
        self._busy = False
        if self._fd < 0:
            return
        self._closing = not request.keep_alive
        self._send(_head(response, close=self._closing) + response.body)

    def _refuse(self, status: int) -> None:
        self._closing = True
        reason = f"{status} {REASONS[status]}"
        response = Response(status, reason.encode(), [("Content-Type", "text/plain")])
        self._send(_head(response, close=True) + response.body)

    def _send(self, data: bytes) -> None:
        self._out += data
        self._flush()

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close()
            return
        self._out = self._out[sent:]
        if self._closing and not self._out:
            self._close()
        else:
            self._refresh()

    def _rest(self) -> None:
        """Close a connection on which nothing happens for a minute."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._loop.time() + IDLE_S, self._close)

    def _close(self) -> None:
        if self._fd < 0:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._fd = -1
        self._loop.close(self._sock)
        self._server.reserve.refill()


class _TooLargeError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(REASONS[status])
        self.status = status


def _head(response: Response, *, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {REASONS[response.status]}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime()))
    if response.status != 204:
        lines.append(f"Content-Length: {len(response.body)}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
