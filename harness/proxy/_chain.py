"""The toxics of one link, in the order in which bytes meet them.

    source > Stub > Stub > Stub > sink

All changes take effect before they return, whatever the receiver does, and lose no byte.

Stubs take turns: one that is woken by another runs once that one waits. So a chain can be as long
as anybody likes, and one that has much to do lets the loop look after others now and then.
"""

from collections import deque
from typing import Final

from harness.proxy._placement import Placement
from harness.proxy._stub import Line, Stub

TURNS: Final = 64
TURNS_S: Final = 0.001
"""So many turns, or so long, in one piece; then everything else that is ready gets its own."""


class Chain(Line):
    """A list of stubs that changes while bytes pass; `Link` gives it a source and a sink."""

    __slots__ = ("_awake", "_running", "eof", "finished", "first", "last", "output_ended")

    def __init__(self) -> None:
        self.first: Stub | None = None
        self.last: Stub | None = None
        self.eof = False
        """Nothing more comes from the source."""
        self.output_ended = False
        """Nothing more comes out of the last stub."""
        self.finished = False
        """All has gone to the sink, or the sink is gone."""
        self._awake: deque[Stub] | None = None
        self._running = False

    def stubs(self) -> list[Stub]:
        """Return the stubs of the chain, first to last."""
        found = []
        stub = self.first
        while stub is not None:
            found.append(stub)
            stub = stub.next
        return found

    def stub_of(self, placement: Placement) -> Stub | None:
        """Return the stub of a toxic, None if chance spared this link."""
        stub = self.first
        while stub is not None and stub.placement is not placement:
            stub = stub.next
        return stub

    def run(self, stub: Stub) -> None:
        """Give a stub a turn: now, or after those that are before it."""
        if self._awake is None:
            self._awake = deque()
        self._awake.append(stub)
        if not self._running:
            self._take_turns(self._awake)

    def _take_turns(self, awake: deque[Stub]) -> None:
        self._running = True
        end = self.loop.time() + TURNS_S
        try:
            for _ in range(TURNS):
                if not awake:
                    break
                awake.popleft().advance()
                if self.loop.time() > end:
                    break
        finally:
            self._running = bool(awake)
            if awake:
                self.loop.call_soon(lambda: self._take_turns(awake))

    def insert(self, placement: Placement, after: Stub | None) -> None:
        """Put a toxic into the chain, at its start if `after` is None."""
        if self.output_ended:
            return
        stub = Stub(self, placement)
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
        # What the neighbour before has already let go of ends here too.
        stub.ended = self.eof if after is None else after.done
        stub.start()
        if after is not None:
            after.wake()
        self.update_reading()

    def remove(self, stub: Stub) -> None:
        """Take a toxic out of the chain; what it held goes on at once."""
        stub.stop()
        stub.placement.toxic.detach(stub)
        before, behind = stub.previous, stub.next
        if before is None:
            self.first = behind
        else:
            before.next = behind
        if behind is None:
            self.last = before
        else:
            behind.previous = before
        stub.flush()
        if self.finished:
            return
        if before is not None:
            before.wake()
        self.update_reading()

    def restart(self, stub: Stub) -> None:
        """Run a toxic with new settings; most let the chunk in their hand go on at once."""
        if stub.done:
            return
        stub.stop()
        if not stub.placement.toxic.keeps_hand:
            stub.flush_hand()
        if self.finished:
            return
        stub.start()
        self.update_reading()

    def clear(self) -> None:
        """Stop every stub, and drop what they hold."""
        if self._awake is not None:
            self._awake.clear()
        stub = self.first
        self.first = self.last = None
        while stub is not None:
            stub.stop()
            stub.done = True
            stub.queue.clear()
            stub.hand = None
            stub = stub.next
