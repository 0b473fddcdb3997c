"""Find message boundaries in a stream of HTTP/1.x bytes; the bytes stay with the caller.

    reader = MessageReader(requests=False)
    kind, length = reader.next(data)

`kind` says what the next `length` bytes of `data` are:

- "head": a complete head. The caller must then call `begin_body`.
- "data": bytes to forward unchanged. Bytes that are not HTTP, and all bytes after a protocol
  upgrade, are data too.
- "more": an incomplete head, `length` is 0. Call again with more bytes appended.

A reader that starts in the middle of a stream synchronizes at the next chunk that starts with a
message.
"""

import re
from fnmatch import fnmatchcase
from typing import Final, Literal

Kind = Literal["head", "data", "more"]

MAX_HEAD_BYTES: Final = 64 * 1024
"""Longest head, in bytes; a longer one is forwarded as data."""
BODILESS: Final = {204, 304}
"""Status codes of responses that never have a body, whatever their headers say."""
_METHODS: Final = rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE)"
_REQUEST: Final = re.compile(_METHODS + rb" [^\s]{1,8000} HTTP/1\.[01]\r?\n")
_REQUEST_START: Final = re.compile(_METHODS + rb" [^\s]{0,8000}(?: H?T?T?P?/?1?\.?[01]?\r?)?\Z")
_RESPONSE: Final = re.compile(rb"HTTP/1\.[01] \d\d\d[ \r\n]")


_REASONS: Final = {
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


class Head:
    """The head of a message: the start line and the headers, in order."""

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
        self.start_line = lines[0]
        self.headers = [
            (name.strip(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        ]

    def get(self, name: str) -> str:
        """Return the value of a header, or "" if it is absent; names match case-insensitively."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")

    def set(self, name: str, value: str) -> None:
        """Set a header, replacing earlier ones of that name; an empty value removes it."""
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value:
            self.headers.append((name, value))

    def encode(self) -> bytes:
        """Return the head as bytes, with the empty line that ends it."""
        lines = [self.start_line, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def change(self, status: int, headers: dict[str, str]) -> bool:
        """Change the status and headers of a message.

        Args:
            status: The new status code of a response; 0 keeps the present one. Ignored for
                requests and for 1xx responses.
            headers: Headers to set, by name; an empty value removes the header.

        Returns:
            Whether a change was requested.
        """
        if status and self.status >= 200:
            if self.status in BODILESS:  # A new status no longer implies that no body follows.
                self.set("Transfer-Encoding", "")
                self.set("Content-Length", "0")
            version = self.start_line.partition(" ")[0]
            self.start_line = f"{version} {status} {_REASONS.get(status, 'Changed')}"
        for name, value in headers.items():
            self.set(name, value)
        return bool(status or headers)

    @property
    def request(self) -> tuple[str, str]:
        """Return the method and the target of a request."""
        method, _, rest = self.start_line.partition(" ")
        return method, rest.partition(" ")[0]

    @property
    def status(self) -> int:
        """Return the status code of a response, or 0 for a request."""
        parts = self.start_line.split(" ")
        is_response = self.start_line.startswith("HTTP/") and len(parts) > 1 and parts[1].isdigit()
        return int(parts[1]) if is_response else 0


class MessageReader:
    """Track the messages of one direction of a connection.

    Args:
        requests: True for the direction from client to server, False for responses.
    """

    def __init__(self, *, requests: bool) -> None:
        self._requests = requests
        self._remaining = 0
        """Body bytes still to come; -1 if everything until the end of the stream is data."""
        self._chunked: Literal["", "size", "data", "trailer"] = ""
        self._partial_line = b""

    def next(self, data: bytes) -> tuple[Kind, int]:
        """Return what the next bytes are and how many belong to it; see the module docstring."""
        if self._remaining < 0:
            return "data", len(data)
        if self._chunked:
            return "data", self._consume_chunked(data)
        if self._remaining:
            length = min(self._remaining, len(data))
            self._remaining -= length
            return "data", length
        if self._starts_message(data):
            end = re.search(rb"\r?\n\r?\n", data)
            if end is not None:
                return "head", end.end()
            if len(data) < MAX_HEAD_BYTES:
                return "more", 0
        return "data", len(data)

    def _starts_message(self, data: bytes) -> bool:
        if self._requests:
            return bool(_REQUEST.match(data) or _REQUEST_START.match(data))
        if len(data) < 13:
            return data.startswith(b"HTTP/1.")
        return bool(_RESPONSE.match(data))

    def begin_body(self, head: Head, method: str = "") -> None:
        """Determine how long the body is that follows a head.

        Args:
            head: The head that `next` has just reported.
            method: For a response, the method of its request, if known.
        """
        status = head.status
        encoding = head.get("transfer-encoding").lower()
        length = head.get("content-length")
        if status == 101 or (status == 200 and method == "CONNECT"):
            self._remaining = -1
        elif method == "HEAD" or 100 <= status < 200 or status in BODILESS:
            self._remaining = 0
        elif "chunked" in encoding:
            self._chunked = "size"
        elif length.isascii() and length.isdigit():
            self._remaining = int(length)
        else:
            self._remaining = 0 if self._requests else -1

    def _consume_chunked(self, data: bytes) -> int:
        """Return how many of these bytes belong to the current chunked body."""
        at = 0
        while at < len(data) and self._chunked:
            if self._chunked == "data":
                length = min(self._remaining, len(data) - at)
                at += length
                self._remaining -= length
                if not self._remaining:
                    self._chunked = "size"
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._partial_line = (self._partial_line + data[at:])[-MAX_HEAD_BYTES:]
                return len(data)
            line = (self._partial_line + data[at:end]).strip()
            self._partial_line = b""
            at = end + 1
            self._parse_chunk_line(line)
        return at

    def _parse_chunk_line(self, line: bytes) -> None:
        if self._chunked == "trailer":
            if not line:
                self._chunked = ""
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:  # Not a valid chunk size: treat the rest of the stream as data.
            self._chunked, self._remaining = "", -1
        elif size:
            self._chunked, self._remaining = "data", size + 2
        else:
            self._chunked = "trailer"


class RequestLog:
    """Record the method and target of each request, to match responses to their requests.

    The last 1000 requests without a response are kept.
    """

    def __init__(self) -> None:
        self._reader = MessageReader(requests=True)
        self._data = b""
        self._unanswered: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> None:
        """Parse bytes that the client sent."""
        self._data += data
        while self._data:
            kind, length = self._reader.next(self._data)
            if kind == "more":
                return
            if kind == "head":
                head = Head(self._data[:length])
                self._reader.begin_body(head)
                self._unanswered.append(head.request)
                del self._unanswered[:-1000]
            self._data = self._data[length:]

    def request_of(self, response: Head) -> tuple[str, str]:
        """Return method and target of the request that a response belongs to.

        That is the oldest request without a final response. A final response (status 200 or
        higher) removes it from the log; a 1xx response does not. Both are "" if none is known.
        """
        if not self._unanswered:
            return "", ""
        return self._unanswered[0] if response.status < 200 else self._unanswered.pop(0)


def matches(method: str, target: str, wanted_method: str, pattern: str) -> bool:
    """Return whether a request has the wanted method and path.

    Args:
        method: The request's method.
        target: The request's target; its query string is ignored.
        wanted_method: The method to match, in any case; "" matches every method.
        pattern: A shell-style pattern for the path, as in `fnmatch`; "" matches every path.
    """
    return (not wanted_method or wanted_method.upper() == method) and (
        not pattern or fnmatchcase(target.partition("?")[0], pattern)
    )
