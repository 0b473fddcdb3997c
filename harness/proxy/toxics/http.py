"""http: treats HTTP/1.x messages by path, and leaves every other byte alone.

On the downstream, answers to matching requests come later, with another status or other
headers; on the upstream, the matching requests do (a status is of no use there). `path` is a
shell pattern ("/pay/*"), `method` a method; empty means any. An empty header value removes the
header. What is not HTTP/1.x (TLS, HTTP/2, anything else) passes unchanged.
"""

from fnmatch import fnmatchcase
from typing import Any

from harness.proxy._http_stream import Head, MessageReader, RequestLog
from harness.proxy._stub import Chunk, Stub
from harness.proxy.toxics._base import Toxic, ToxicError, check_milliseconds

REASONS = {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip


class Http(Toxic, kind="http"):
    """Changes status and headers, and delays, by path."""

    path: str = ""
    method: str = ""
    status: int = 0
    delay: int = 0
    headers: dict[str, str] = {}

    def check(self) -> None:
        """Refuse what is no status, duration or header."""
        if self.status and not 200 <= self.status <= 599:
            raise ToxicError(f"status must be 0 (unchanged) or from 200 to 599, not {self.status}")
        check_milliseconds("delay", self.delay)
        if any(
            c in "".join((name, *value)) for name, value in self.headers.items() for c in "\r\n"
        ):
            raise ToxicError("headers must not contain line breaks")

    def check_stream(self, stream: str) -> None:
        """Refuse to change the status of requests."""
        if stream == "upstream" and self.status:
            raise ToxicError("status needs the stream downstream: requests have none")

    def attach(self, stub: Stub) -> None:
        """Listen to the requests, to know what the answers belong to."""
        stub.state = RequestLog()
        if stub.placement.direction == "downstream":
            stub.link.opposite().add_tap(stub.state.feed)

    def detach(self, stub: Stub) -> None:
        """Stop listening."""
        if stub.placement.direction == "downstream":
            stub.link.opposite().remove_tap(stub.state.feed)

    def matches(self, method: str, target: str) -> bool:
        """Return whether a request is one of those to be treated."""
        path = target.partition("?")[0]
        return (not self.method or self.method.upper() == method) and (
            not self.path or fnmatchcase(path, self.path)
        )

    async def pipe(self, stub: Stub) -> None:
        """Go from head to head."""
        reader = MessageReader(requests=stub.placement.direction == "upstream")
        while chunk := await stub.receive():
            while chunk is not None and stub.hand is not None:
                kind, length = reader.next(bytes(stub.hand.data))
                if kind == "more":
                    chunk = await stub.receive_more()
                elif kind == "head":
                    await self.treat(stub, bytes(stub.hand.data), length, reader)
                else:
                    await stub.forward(length)
            if stub.hand is not None:
                await stub.forward()

    async def treat(self, stub: Stub, data: bytes, length: int, reader: MessageReader) -> None:
        """Pass on one head, changed if it is to be."""
        head, log = Head(data[:length]), stub.state
        request: Any = head.first.split(" ")[:2]
        if head.status:
            request = log.oldest() if head.status < 200 else log.answered()
        reader.begin_body(head, request[0] if head.status else "")
        if len(request) == 2 and request[0] and self.matches(*request):
            await stub.sleep_until(stub.time() + self.delay / 1000)
            if self.status and head.status >= 200:
                reason = REASONS.get(self.status, "Changed")
                head.first = f"{head.first.split(' ')[0]} {self.status} {reason}"
            for name, value in self.headers.items():
                head.set(name, value)
            if self.status or self.headers:
                changed = head.encode()
                at = stub.hand.at if stub.hand else stub.time()
                stub.hand = Chunk(changed + data[length:], at)
                length = len(changed)
        await stub.forward(length)
