"""A small HTTP/1.1 server on the event loop, for the control API.

    HttpServer(loop, listening_socket, handler)     handler(request) is a coroutine -> Response

The parser is httptools, which wraps the parser of Node and is the one that uvicorn uses. Requests
of one connection are handled in order, at most one per iteration of the loop. The server reads no
further requests from a connection until those already read are answered and the responses sent.
So a client that sends or reads slowly, or pipelines thousands of requests, delays only itself.
"""

import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httptools

from harness.proxy._coroutines import run
from harness.proxy._descriptors import SHORTAGE, Reserve
from harness.proxy._loop import ERROR_OR_HANGUP, READ, WRITE, Loop, Timer

MAX_BODY_BYTES: Final = 256 << 10
"""Limit of a request body, in bytes: a list of about two thousand proxies.

Parsing a longer one would block the loop, and so every other client, for too long.
"""
MAX_HEAD_BYTES: Final = 1 << 20
"""Limit of a request's target and headers together, in bytes."""
IDLE_S: Final = 60.0
"""A connection that sends nothing for this many wall-clock seconds is closed."""
REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Request Entity Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}  # fmt: skip

Headers = list[tuple[str, str]]


class Request:
    """A complete HTTP request: head and body."""

    __slots__ = ("body", "headers", "keep_alive", "method", "target")

    def __init__(self, method: str, target: bytes, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        """Header values by lower-case name."""
        self.body = body
        self.keep_alive = True


class Response:
    """An HTTP response.

    Args:
        status: The status code, one of `REASONS`.
        body: The response body.
        headers: Headers besides Date, Content-Length and Connection, which the server adds.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or []


RequestHandler = Callable[[Request], Coroutine[Any, Any, Response]]
"""Handles one request; runs on the loop's thread."""


class HttpServer:
    """Accept API clients on a listening socket and serve each with an `HttpConnection`.

    Args:
        loop: The event loop that runs the server.
        sock: A non-blocking socket that is already listening.
        respond: The coroutine function that turns a request into a response.
    """

    def __init__(self, loop: Loop, sock: socket.socket, respond: RequestHandler) -> None:
        self.loop = loop
        self.respond = respond
        self.reserve = Reserve()
        self._sock = sock
        loop.watch(sock.fileno(), READ, self._accept_clients, urgent=True)

    def _accept_clients(self, _events: int) -> None:
        for _ in range(16):
            try:
                client, _ = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGE and self.reserve.give():
                    continue
                # The reserved descriptors are used up too: retry after 20 ms.
                self.loop.forget(self._sock.fileno())
                self.loop.call_at(self.loop.time() + 0.02, self._resume_accepting)
                return
            client.setblocking(False)
            HttpConnection(self, client)

    def _resume_accepting(self) -> None:
        self.loop.watch(self._sock.fileno(), READ, self._accept_clients, urgent=True)


class HttpConnection:
    """One API client's connection.

    httptools calls the public `on_...` methods while it parses what the client sent.
    """

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
        self._queue: deque[Request | int] = deque()
        """Requests to handle; an int is the error status for input that is not a valid request."""
        self._handling = False
        self._unsent = b""
        self._mask = READ
        self._scheduled = False
        self._closing = False
        self._timer: Timer | None = None
        self._loop.watch(self._fd, self._mask, self._on_event, urgent=True)
        self._restart_idle_timer()

    # Callbacks of the event loop.

    def _on_event(self, events: int) -> None:
        if events & WRITE and self._unsent:
            self._flush()
        if events & READ and self._fd >= 0:
            self._read()
        elif events & ERROR_OR_HANGUP and self._fd >= 0:
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
        self._restart_idle_timer()
        try:
            self._parser.feed_data(data)
        except _TooLargeError as error:
            self._queue.append(error.status)
        except httptools.HttpParserUpgrade:
            self._queue.append(400)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._queue.append(cause.status if isinstance(cause, _TooLargeError) else 400)
        self._handle_next()

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        """Reset the state of the previous request."""
        self._target, self._headers, self._body = b"", {}, []
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """Append a part of the request target."""
        self._target += url
        self._count_head_bytes(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store one header; the last of several with the same name wins."""
        self._count_head_bytes(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Send 100 Continue if the client waits for it, as curl does before a long body."""
        expects = self._headers.get("expect", "").lower()
        if expects == "100-continue" and not self._handling and not self._queue:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Append a part of the body; raise if the body exceeds the limit."""
        self._body_size += len(data)
        if self._body_size > MAX_BODY_BYTES:
            raise _TooLargeError(413)
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Queue the complete request."""
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target,
            self._headers,
            b"".join(self._body),
        )
        request.keep_alive = self._parser.should_keep_alive()
        self._queue.append(request)

    def _count_head_bytes(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD_BYTES:
            raise _TooLargeError(431)

    # Sending responses.

    def _handle_next(self) -> None:
        self._scheduled = False
        if self._queue and not self._handling and not self._closing and not self._unsent:
            request = self._queue.popleft()
            if isinstance(request, int):
                self._refuse(request)
            else:
                self._handling = True
                run(self._answer(request))
        self._update_events()

    def _update_events(self) -> None:
        """Watch for writable, readable or neither: read only if no request or output is queued."""
        if self._fd < 0:
            return
        mask = WRITE if self._unsent else READ if not self._queue else 0
        if mask != self._mask:
            self._mask = mask
            self._loop.change(self._fd, mask)
        if self._queue and not self._handling and not self._unsent and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._handle_next)

    async def _answer(self, request: Request) -> None:
        response = await self._server.respond(request)
        self._handling = False
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
        self._unsent += data
        self._flush()

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close()
            return
        self._unsent = self._unsent[sent:]
        if self._closing and not self._unsent:
            self._close()
        else:
            self._update_events()

    def _restart_idle_timer(self) -> None:
        """Restart the timer that closes an idle connection after `IDLE_S`."""
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
