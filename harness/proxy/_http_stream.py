"""Finds the messages in a stream of HTTP/1.x bytes without taking the bytes away.

    reader = MessageReader(requests=False)
    kind, length = reader.next(data)

tells what the next `length` bytes are: a whole head (then `begin_body` must be called), bytes to
pass on, or, with length 0, the start of a head that needs more bytes. What does not look like
HTTP is to be passed on; so is everything after an upgrade. A reader that starts in the middle
of something finds its place at the next chunk that begins like a message.
"""

import re
from fnmatch import fnmatchcase
from typing import Final, Literal

Kind = Literal["head", "data", "more"]

MOST_HEAD: Final = 64 * 1024
BODILESS: Final = {204, 304}
"""Statuses of answers that have no body, whatever their headers say."""
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
    """The first line and the headers of a message."""

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
        self.first = lines[0]
        self.headers = [
            (name.strip(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        ]

    def get(self, name: str) -> str:
        """Return a header's value, empty if there is none."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")

    def set(self, name: str, value: str) -> None:
        """Replace a header, or add it; an empty value removes it."""
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value:
            self.headers.append((name, value))

    def encode(self) -> bytes:
        """Return the head as bytes again."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def change(self, status: int, headers: dict[str, str]) -> bool:
        """Take another status (0: the same) and other headers; return whether there are any."""
        if status and self.status >= 200:
            if self.status in BODILESS:  # and nothing else says that no body follows
                self.set("Transfer-Encoding", "")
                self.set("Content-Length", "0")
            version = self.first.partition(" ")[0]
            self.first = f"{version} {status} {_REASONS.get(status, 'Changed')}"
        for name, value in headers.items():
            self.set(name, value)
        return bool(status or headers)

    @property
    def request(self) -> tuple[str, str]:
        """Return a request's method and target."""
        method, _, rest = self.first.partition(" ")
        return method, rest.partition(" ")[0]

    @property
    def status(self) -> int:
        """Return a response's status, 0 for a request."""
        parts = self.first.split(" ")
        is_response = self.first.startswith("HTTP/") and len(parts) > 1 and parts[1].isdigit()
        return int(parts[1]) if is_response else 0


class MessageReader:
    """Follows one direction of a connection."""

    def __init__(self, *, requests: bool) -> None:
        self._requests = requests
        self._left = 0
        """Bytes of body still to come; -1: all there is."""
        self._chunked: Literal["", "size", "data", "trailer"] = ""
        self._line = b""

    def next(self, data: bytes) -> tuple[Kind, int]:
        """Tell what the stream goes on with."""
        if self._left < 0:
            return "data", len(data)
        if self._chunked:
            return "data", self._follow_chunks(data)
        if self._left:
            length = min(self._left, len(data))
            self._left -= length
            return "data", length
        if self._begins(data):
            end = re.search(rb"\r?\n\r?\n", data)
            if end is not None:
                return "head", end.end()
            if len(data) < MOST_HEAD:
                return "more", 0
        return "data", len(data)

    def _begins(self, data: bytes) -> bool:
        if self._requests:
            return bool(_REQUEST.match(data) or _REQUEST_START.match(data))
        if len(data) < 13:
            return data.startswith(b"HTTP/1.")
        return bool(_RESPONSE.match(data))

    def begin_body(self, head: Head, method: str = "") -> None:
        """Take the head that was announced: and, of a response, what method it answers."""
        status = head.status
        encoding = head.get("transfer-encoding").lower()
        length = head.get("content-length")
        if status == 101 or (status == 200 and method == "CONNECT"):
            self._left = -1
        elif method == "HEAD" or 100 <= status < 200 or status in BODILESS:
            self._left = 0
        elif "chunked" in encoding:
            self._chunked = "size"
        elif length.isascii() and length.isdigit():
            self._left = int(length)
        else:
            self._left = 0 if self._requests else -1

    def _follow_chunks(self, data: bytes) -> int:
        """Return how many of these bytes belong to a chunked body."""
        at = 0
        while at < len(data) and self._chunked:
            if self._chunked == "data":
                length = min(self._left, len(data) - at)
                at += length
                self._left -= length
                if not self._left:
                    self._chunked = "size"
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line = (self._line + data[at:])[-MOST_HEAD:]
                return len(data)
            line = (self._line + data[at:end]).strip()
            self._line = b""
            at = end + 1
            self._chunk_line(line)
        return at

    def _chunk_line(self, line: bytes) -> None:
        if self._chunked == "trailer":
            if not line:
                self._chunked = ""
            return
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            size = -1
        if size < 0:  # no chunked body after all: leave the rest alone
            self._chunked, self._left = "", -1
        elif size:
            self._chunked, self._left = "data", size + 2
        else:
            self._chunked = "trailer"


class RequestLog:
    """Notes method and path of each request that is seen, for whoever treats the responses."""

    def __init__(self) -> None:
        self._reader = MessageReader(requests=True)
        self._data = b""
        self._seen: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> None:
        """Take what the client sent."""
        self._data += data
        while self._data:
            kind, length = self._reader.next(self._data)
            if kind == "more":
                return
            if kind == "head":
                head = Head(self._data[:length])
                self._reader.begin_body(head)
                self._seen.append(head.request)
                del self._seen[:-1000]
            self._data = self._data[length:]

    def request_of(self, answer: Head) -> tuple[str, str]:
        """Return the oldest request without an answer; a final answer is the last to have it."""
        if not self._seen:
            return "", ""
        return self._seen[0] if answer.status < 200 else self._seen.pop(0)


def matches(method: str, target: str, wanted_method: str, pattern: str) -> bool:
    """Return whether a request has the method and the path; empty ones are anybody's."""
    return (not wanted_method or wanted_method.upper() == method) and (
        not pattern or fnmatchcase(target.partition("?")[0], pattern)
    )
