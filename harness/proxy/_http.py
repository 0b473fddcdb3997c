"""A small HTTP/1.1 server on the event loop, for the control API.

httptools, the parser of Node and uvicorn, parses the requests. Requests of one connection are
answered in order, one for each round of the loop, and no more are read until those are answered
and the client has taken the responses. So a client that sends or reads slowly, or sends thousands
of requests at once, does not delay other clients.
"""

import socket
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httptools

from harness.proxy._coroutines import run_coroutine
from harness.proxy._descriptors import SHORTAGE_ERRNOS, DescriptorReserve
from harness.proxy._http_messages import REASONS, Request, Response
from harness.proxy._loop import HANGUP, READ, WRITE, Loop, Timer

MAX_BODY_BYTES: Final = 256 << 10
"""About two thousand proxies; a longer body would block the loop for too long."""
MAX_HEAD_BYTES: Final = 1 << 20
IDLE_S: Final = 60.0
"""Wall-clock seconds after which a connection without requests is closed, as in Toxiproxy."""
ACCEPT_BATCH: Final = 16
ACCEPT_RETRY_S: Final = 0.02
"""Pause, in wall-clock seconds, before `accept` is tried again without free descriptors."""

Respond = Callable[[Request], Coroutine[Any, Any, Response]]


class HttpServer:
    """Accepts API clients on a listening socket and answers their requests with `respond`."""

    def __init__(self, loop: Loop, sock: socket.socket, respond: Respond) -> None:
        self.loop = loop
        self.respond = respond
        self.reserve = DescriptorReserve()
        self._sock = sock
        loop.watch(sock.fileno(), READ, self._on_clients, urgent=True)

    def _on_clients(self, _events: int) -> None:
        for _ in range(ACCEPT_BATCH):
            try:
                client, _ = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in SHORTAGE_ERRNOS and self.reserve.release_one():
                    continue
                # The reserve is used up too: retry a little later.
                self.loop.unwatch(self._sock.fileno())
                self.loop.call_at(self.loop.time() + ACCEPT_RETRY_S, self._rewatch)
                return
            client.setblocking(False)
            HttpConnection(self, client)

    def _rewatch(self) -> None:
        self.loop.watch(self._sock.fileno(), READ, self._on_clients, urgent=True)


class HttpConnection:
    """The connection of one API client; the parser calls the methods named `on_...`."""

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
        self._pending: deque[Request | int] = deque()
        """Requests to answer, or the error status for bytes that were not a valid request."""
        self._answering = False
        self._output = b""
        self._mask = READ
        self._scheduled = False
        self._closing = False
        self._timer: Timer | None = None
        self._loop.watch(self._fd, self._mask, self._on_event, urgent=True)
        self._restart_idle_timer()

    # Called by the loop.

    def _on_event(self, events: int) -> None:
        if events & WRITE and self._output:
            self._flush()
        if events & READ and self._fd >= 0:
            self._read()
        elif events & HANGUP and self._fd >= 0:
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
            self._pending.append(error.status)
        except httptools.HttpParserUpgrade:
            self._pending.append(400)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._pending.append(cause.status if isinstance(cause, _TooLargeError) else 400)
        self._answer_next()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Reset the state for a new request."""
        self._target, self._headers, self._body = b"", {}, []
        self._head_size = self._body_size = 0

    def on_url(self, url: bytes) -> None:
        """Append a part of the request's target."""
        self._target += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header under its lower-case name; a repeated header replaces the earlier one."""
        self._grow_head(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Send `100 Continue` if the client waits for it, as curl does before a long body."""
        expects = self._headers.get("expect", "").lower()
        if expects == "100-continue" and not self._answering and not self._pending:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Append a part of the body."""
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
        self._pending.append(request)

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > MAX_HEAD_BYTES:
            raise _TooLargeError(431)

    # Responses.

    def _answer_next(self) -> None:
        self._scheduled = False
        if self._pending and not self._answering and not self._closing and not self._output:
            request = self._pending.popleft()
            if isinstance(request, int):
                self._refuse(request)
            else:
                self._answering = True
                run_coroutine(self._answer(request))
        self._update_interest()

    def _update_interest(self) -> None:
        """Watch for reads only when no request and no output is waiting."""
        if self._fd < 0:
            return
        mask = WRITE if self._output else READ if not self._pending else 0
        if mask != self._mask:
            self._mask = mask
            self._loop.modify(self._fd, mask)
        if self._pending and not self._answering and not self._output and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._answer_next)

    async def _answer(self, request: Request) -> None:
        response = await self._server.respond(request)
        self._answering = False
        if self._fd < 0:
            return
        self._closing = not request.keep_alive
        self._send(response.encode(close=self._closing))

    def _refuse(self, status: int) -> None:
        self._closing = True
        reason = f"{status} {REASONS[status]}"
        response = Response(status, reason.encode(), [("Content-Type", "text/plain")])
        self._send(response.encode(close=True))

    def _send(self, data: bytes) -> None:
        self._output += data
        self._flush()

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._output)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close()
            return
        self._output = self._output[sent:]
        if self._closing and not self._output:
            self._close()
        else:
            self._update_interest()

    def _restart_idle_timer(self) -> None:
        """Close the connection after `IDLE_S` without data, counted from now."""
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
