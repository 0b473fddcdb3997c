"""http: treats HTTP/1.x messages by path, and leaves every other byte alone.

On the downstream, answers to matching requests come later, with another status or other
headers; on the upstream, the matching requests do. `path` is a shell pattern ("/pay/*"), empty
means any, and so does an empty `method`. An empty header value removes the header.
"""

from harness.proxy._http_stream import BODILESS, Head, MessageReader, RequestLog, matches
from harness.proxy._stub import Chunk, Stub
from harness.proxy.toxics._base import Toxic, ToxicError, check_milliseconds


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
        if self.status in BODILESS:
            raise ToxicError(f"status must not be {self.status}: the body would be left over")
        check_milliseconds("delay", self.delay)
        text = "".join((*self.headers, *self.headers.values()))
        if "\r" in text or "\n" in text:
            raise ToxicError("headers must not contain line breaks")

    def check_stream(self, stream: str) -> None:
        """Refuse to change the status of requests."""
        if stream == "upstream" and self.status:
            raise ToxicError("status needs the stream downstream: requests have none")

    def attach(self, stub: Stub) -> None:
        """Listen to the requests, to know what the answers belong to."""
        stub.state = RequestLog()
        stub.link.tap_opposite(stub.state.feed)

    def detach(self, stub: Stub) -> None:
        """Stop listening."""
        stub.link.untap_opposite(stub.state.feed)

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
        method, target = log.request_of(head) if head.status else head.request
        reader.begin_body(head, method if head.status else "")
        if method and matches(method, target, self.method, self.path):
            await stub.sleep_until(stub.time() + self.delay / 1000)
            if head.change(self.status, self.headers) and stub.hand is not None:
                stub.hand = Chunk(head.encode() + data[length:], stub.hand.at)
                length += len(stub.hand.data) - len(data)
        await stub.forward(length)
