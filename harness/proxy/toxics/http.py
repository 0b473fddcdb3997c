"""http: delays and changes HTTP/1.x messages by path; all other bytes pass unchanged.

On the downstream it affects the responses to matching requests: delay, status, headers. On the
upstream it affects the matching requests: delay, headers. `path` is a shell pattern ("/pay/*"); an
empty `path` or `method` matches any. An empty header value removes the header.
"""

from harness.proxy._http_stream import BODILESS, Head, MessageReader, RequestLog, matches
from harness.proxy._stub import Chunk, Stub
from harness.proxy.toxics._base import Toxic, ToxicError, check_milliseconds


class Http(Toxic, type_name="http"):
    """Changes status and headers, and delays messages by `delay` milliseconds, by path."""

    path: str = ""
    method: str = ""
    status: int = 0
    delay: int = 0
    headers: dict[str, str] = {}

    def validate(self) -> None:
        """Check status, duration and headers."""
        if self.status and not 200 <= self.status <= 599:
            raise ToxicError(f"status must be 0 (unchanged) or from 200 to 599, not {self.status}")
        if self.status in BODILESS:
            raise ToxicError(f"status must not be {self.status}: the body would be left over")
        check_milliseconds("delay", self.delay)
        text = "".join((*self.headers, *self.headers.values()))
        if "\r" in text or "\n" in text:
            raise ToxicError("headers must not contain line breaks")

    def validate_stream(self, stream: str) -> None:
        """Check that `status` is not set for requests."""
        if stream == "upstream" and self.status:
            raise ToxicError("status needs the stream downstream: requests have none")

    def attach(self, stub: Stub) -> None:
        """Read the requests of the opposite link, to match responses with them."""
        stub.state = RequestLog()
        stub.link.add_tap(stub.state.feed)

    def detach(self, stub: Stub) -> None:
        """Stop reading the opposite link."""
        stub.link.remove_tap(stub.state.feed)

    async def pipe(self, stub: Stub) -> None:
        """Find the heads of messages; forward all other bytes unchanged."""
        reader = MessageReader(requests=stub.wrapper.direction == "upstream")
        while chunk := await stub.receive():
            while chunk is not None and stub.current is not None:
                part, length = reader.next(bytes(stub.current.data))
                if part == "incomplete":
                    chunk = await stub.receive_more()
                elif part == "head":
                    await self.forward_head(stub, bytes(stub.current.data), length, reader)
                else:
                    await stub.forward(length)
            if stub.current is not None:
                await stub.forward()

    async def forward_head(
        self, stub: Stub, data: bytes, length: int, reader: MessageReader
    ) -> None:
        """Forward one head, delayed and changed if its request matches."""
        head, log = Head(data[:length]), stub.state
        method, target = log.request_of(head) if head.status else head.request
        reader.begin_body(head, method if head.status else "")
        if method and matches(method, target, self.method, self.path):
            await stub.sleep_until(stub.time() + self.delay / 1000)
            if head.change(self.status, self.headers) and stub.current is not None:
                stub.current = Chunk(head.encode() + data[length:], stub.current.at)
                length += len(stub.current.data) - len(data)
        await stub.forward(length)
