"""Finds message boundaries in a stream of HTTP/1.x bytes, for the `http` toxic.

    reader = MessageReader(requests=False)
    part, length = reader.next(data)

`part` classifies the next `length` bytes: "head" is a complete head, after which `begin_body` must
be called; "data" is to be forwarded unchanged; "incomplete", with length 0, is the start of a head
that needs more bytes. Bytes that do not look like HTTP, and all bytes after an upgrade, are "data".
A reader that starts in the middle of a message synchronizes at the next chunk that begins like a
message.
"""

import re
from fnmatch import fnmatchcase
from typing import Final, Literal

Part = Literal["head", "data", "incomplete"]
"""What the next bytes of a stream are."""

MAX_HEAD_BYTES: Final = 64 * 1024
BODILESS: Final = {204, 304}
"""Statuses of responses that have no body, whatever their headers say."""
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
    """The start line and the headers of a message, which can be read and changed."""

    def __init__(self, raw: bytes) -> None:
        lines = raw.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
        self.first = lines[0]
        self.headers = [
            (name.strip(), value.strip())
            for name, _, value in (line.partition(":") for line in lines[1:])
        ]

    def get(self, name: str) -> str:
        """Return a header's value, or an empty text if there is none."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), "")

    def set(self, name: str, value: str) -> None:
        """Replace or add a header; an empty value removes it."""
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value:
            self.headers.append((name, value))

    def encode(self) -> bytes:
        """Return the head as bytes, including the empty line at its end."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def change(self, status: int, headers: dict[str, str]) -> bool:
        """Change the status of a final response, and headers; return True if any were given.

        Args:
            status: The new status; 0 keeps it.
            headers: Headers to set; an empty value removes the header.
        """
        if status and self.status >= 200:
            if self.status in BODILESS:  # only this status says that no body follows
                self.set("Transfer-Encoding", "")
                self.set("Content-Length", "0")
            version = self.first.partition(" ")[0]
            self.first = f"{version} {status} {_REASONS.get(status, 'Changed')}"
        for name, value in headers.items():
            self.set(name, value)
        return bool(status or headers)

    @property
    def request(self) -> tuple[str, str]:
        """Method and target of a request."""
        method, _, rest = self.first.partition(" ")
        return method, rest.partition(" ")[0]

    @property
    def status(self) -> int:
        """Status of a response, 0 for a request."""
        parts = self.first.split(" ")
        is_response = self.first.startswith("HTTP/") and len(parts) > 1 and parts[1].isdigit()
        return int(parts[1]) if is_response else 0


class MessageReader:
    """Follows the messages of one direction of a connection.

    Args:
        requests: True for the direction to the server, False for responses.
    """

    def __init__(self, *, requests: bool) -> None:
        self._requests = requests
        self._left = 0
        """Bytes of the body that are still to come; -1 means all that follow."""
        self._chunked: Literal["", "size", "data", "trailer"] = ""
        self._line = b""

    def next(self, data: bytes) -> tuple[Part, int]:
        """Classify the bytes that follow; return what they are, and how many."""
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
            if len(data) < MAX_HEAD_BYTES:
                return "incomplete", 0
        return "data", len(data)

    def _begins(self, data: bytes) -> bool:
        if self._requests:
            return bool(_REQUEST.match(data) or _REQUEST_START.match(data))
        if len(data) < 13:
            return data.startswith(b"HTTP/1.")
        return bool(_RESPONSE.match(data))

    def begin_body(self, head: Head, method: str = "") -> None:
        """Determine from a head how long the body is that follows it.

        Args:
            head: The head that `next` has announced.
            method: For a response, the method of its request.
        """
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
        """Return how many of these bytes belong to the current chunked body."""
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
                self._line = (self._line + data[at:])[-MAX_HEAD_BYTES:]
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
        if size < 0:  # not a valid chunked body: forward the rest unchanged
            self._chunked, self._left = "", -1
        elif size:
            self._chunked, self._left = "data", size + 2
        else:
            self._chunked = "trailer"


class RequestLog:
    """Method and target of the requests on a connection, to match responses with them."""

    def __init__(self) -> None:
        self._reader = MessageReader(requests=True)
        self._data = b""
        self._unanswered: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> None:
        """Read bytes that the client has sent."""
        self._data += data
        while self._data:
            part, length = self._reader.next(self._data)
            if part == "incomplete":
                return
            if part == "head":
                head = Head(self._data[:length])
                self._reader.begin_body(head)
                self._unanswered.append(head.request)
                del self._unanswered[:-1000]
            self._data = self._data[length:]

    def request_of(self, response: Head) -> tuple[str, str]:
        """Return method and target of the request that a response belongs to, or empty texts.

        It is the oldest unanswered request. A final response (status 200 or more) answers it.
        """
        if not self._unanswered:
            return "", ""
        return self._unanswered[0] if response.status < 200 else self._unanswered.pop(0)


def matches(method: str, target: str, wanted_method: str, pattern: str) -> bool:
    """Return True if a request has the wanted method and path; an empty text matches any."""
    return (not wanted_method or wanted_method.upper() == method) and (
        not pattern or fnmatchcase(target.partition("?")[0], pattern)
    )
