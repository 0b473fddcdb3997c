"""The stubs of one link, in the order in which bytes pass them.

    source > Stub > Stub > Stub > sink

A change to the chain is complete when its method returns, even if the receiver does not read,
and loses no byte.

Stubs run one at a time from a queue: a stub that is woken by another one runs once that one
waits. So the length of a chain is not limited by the depth of the call stack, and a chain with
much work returns to the event loop after every slice of it.
"""

from collections import deque
from typing import Final

from harness.proxy._stub import LinkInterface, Stub
from harness.proxy._toxic_wrapper import ToxicWrapper

MAX_STEPS: Final = 64
MAX_STEPS_S: Final = 0.001
"""Limits of one slice of work, in steps of stubs and in wall-clock seconds. After it, the rest of
the work is queued in the event loop, behind the events that are ready."""


class StubChain(LinkInterface):
    """A linked list of stubs that may change while bytes pass; `Link` adds source and sink."""

    __slots__ = ("_ready", "_running", "eof", "finished", "first", "last", "output_ended")

    def __init__(self) -> None:
        self.first: Stub | None = None
        self.last: Stub | None = None
        self.eof = False
        """The source has ended: it delivers no more bytes."""
        self.output_ended = False
        """The last stub has closed its output: the sink gets no more bytes."""
        self.finished = False
        """All bytes were sent to the sink, or the sink has failed."""
        self._ready: deque[Stub] | None = None
        self._running = False

    def stubs(self) -> list[Stub]:
        """Return the stubs of the chain, first to last."""
        found = []
        stub = self.first
        while stub is not None:
            found.append(stub)
            stub = stub.next
        return found

    def find_stub(self, wrapper: ToxicWrapper) -> Stub | None:
        """Return the stub of a toxic, or None if its toxicity does not apply to this link."""
        stub = self.first
        while stub is not None and stub.wrapper is not wrapper:
            stub = stub.next
        return stub

    def schedule(self, stub: Stub) -> None:
        """Run a stub until it waits: now, or after the stubs that were scheduled before."""
        if self._ready is None:
            self._ready = deque()
        self._ready.append(stub)
        if not self._running:
            self._run_ready(self._ready)

    def _run_ready(self, ready: deque[Stub]) -> None:
        self._running = True
        end = self.loop.time() + MAX_STEPS_S
        try:
            for _ in range(MAX_STEPS):
                if not ready:
                    break
                ready.popleft().step()
                if self.loop.time() > end:
                    break
        finally:
            self._running = bool(ready)
            if ready:
                self.loop.call_soon(lambda: self._run_ready(ready))

    def insert(self, wrapper: ToxicWrapper, after: Stub | None) -> None:
        """Insert a toxic behind the stub `after`, or at the start of the chain if it is None."""
        if self.output_ended:
            return
        stub = Stub(self, wrapper)
        stub.previous = after
        stub.next = self.first if after is None else after.next
        if after is None:
            self.first = stub
        else:
            after.next = stub
        if stub.next is None:
            self.last = stub
        else:
            stub.next.previous = stub
        # If the stub before has already closed its output, this one gets no input.
        stub.input_ended = self.eof if after is None else after.closed
        stub.start()
        if after is not None:
            after.wake()
        self.update_reading()

    def remove(self, stub: Stub) -> None:
        """Remove a stub from the chain; forward its current and queued chunks immediately."""
        stub.stop()
        stub.wrapper.toxic.detach(stub)
        before, after = stub.previous, stub.next
        if before is None:
            self.first = after
        else:
            before.next = after
        if after is None:
            self.last = before
        else:
            after.previous = before
        stub.flush()
        if self.finished:
            return
        if before is not None:
            before.wake()
        self.update_reading()

    def restart(self, stub: Stub) -> None:
        """Run a stub anew after an update of its toxic.

        The chunk that the toxic was processing is forwarded at once, unless the toxic keeps it
        (`keeps_current_on_update`).
        """
        if stub.closed:
            return
        stub.stop()
        if not stub.wrapper.toxic.keeps_current_on_update:
            stub.flush_current()
        if self.finished:
            return
        stub.start()
        self.update_reading()

    def clear(self) -> None:
        """Stop every stub and drop its current and queued chunks."""
        if self._ready is not None:
            self._ready.clear()
        stub = self.first
        self.first = self.last = None
        while stub is not None:
            stub.stop()
            stub.closed = True
            stub.queue.clear()
            stub.current = None
            stub = stub.next
