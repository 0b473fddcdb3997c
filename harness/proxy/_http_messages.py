"""Requests and responses of the control API."""

import time
from typing import Final

REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
    413: "Request Entity Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}  # fmt: skip

Headers = list[tuple[str, str]]


class Request:
    """A complete HTTP request; `headers` is keyed by lower-case name."""

    __slots__ = ("body", "headers", "keep_alive", "method", "target")

    def __init__(self, method: str, target: bytes, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.keep_alive = True


class Response:
    """Status, body, and the headers beyond Date, Content-Length and Connection."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Headers | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or []

    def encode(self, *, close: bool) -> bytes:
        """Return the response as bytes; `close` announces the end of the connection."""
        lines = [f"HTTP/1.1 {self.status} {REASONS[self.status]}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime()))
        if self.status != 204:
            lines.append(f"Content-Length: {len(self.body)}")
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body
