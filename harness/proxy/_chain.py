"""The toxics of one link, in the order in which bytes pass through them.

    source > Stub > Stub > Stub > sink

`insert`, `remove` and `restart` have taken effect when they return, even if the receiver does not
read, and they lose no bytes.

Stubs run one after the other: a stub that is woken by another is queued, and runs when the other
waits. So the call stack does not grow with the length of the chain, and a busy chain returns to the
event loop after a limited number of steps.
"""

from collections import deque
from typing import Final

from harness.proxy._placement import Placement
from harness.proxy._stub import Line, Stub

MAX_STEPS: Final = 64
MAX_STEPS_S: Final = 0.001
"""A chain returns to the event loop after this many steps or wall-clock seconds."""


class Chain(Line):
    """A linked list of stubs that can change while bytes pass through it.

    `Link`, a subclass, adds the source and the sink.
    """

    __slots__ = ("_runnable", "_running", "eof", "finished", "first", "last", "output_ended")

    def __init__(self) -> None:
        self.first: Stub | None = None
        self.last: Stub | None = None
        self.eof = False
        """True when the source has ended."""
        self.output_ended = False
        """True when the output of the last stub has ended."""
        self.finished = False
        """True when everything was written to the sink, or the sink is closed."""
        self._runnable: deque[Stub] | None = None
        self._running = False

    def stubs(self) -> list[Stub]:
        """Return the stubs of the chain, in order from source to sink."""
        found = []
        stub = self.first
        while stub is not None:
            found.append(stub)
            stub = stub.next
        return found

    def stub_of(self, placement: Placement) -> Stub | None:
        """Return the stub of a toxic; None if its toxicity does not apply it to this link."""
        stub = self.first
        while stub is not None and stub.placement is not placement:
            stub = stub.next
        return stub

    def run(self, stub: Stub) -> None:
        """Advance a stub: at once, or after the stubs that are already queued."""
        if self._runnable is None:
            self._runnable = deque()
        self._runnable.append(stub)
        if not self._running:
            self._run_queued(self._runnable)

    def _run_queued(self, runnable: deque[Stub]) -> None:
        self._running = True
        end = self.loop.time() + MAX_STEPS_S
        try:
            for _ in range(MAX_STEPS):
                if not runnable:
                    break
                runnable.popleft().advance()
                if self.loop.time() > end:
                    break
        finally:
            self._running = bool(runnable)
            if runnable:
                self.loop.call_soon(lambda: self._run_queued(runnable))

    def insert(self, placement: Placement, after: Stub | None) -> None:
        """Add a toxic to the chain behind the stub `after`, or as the first if `after` is None."""
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
        # If the stub before this one has already ended its output, this stub's input has ended.
        stub.ended = self.eof if after is None else after.done
        stub.start()
        if after is not None:
            after.wake()
        self.update_reading()

    def remove(self, stub: Stub) -> None:
        """Remove a toxic from the chain, and pass on its buffered data at once."""
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
        """Restart a stub after its toxic's settings have changed.

        The chunk that it is delaying is passed on at once, unless the toxic has `keeps_hand`.
        """
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
        """Stop and remove every stub, and drop the data that they hold."""
        if self._runnable is not None:
            self._runnable.clear()
        stub = self.first
        self.first = self.last = None
        while stub is not None:
            stub.stop()
            stub.done = True
            stub.queue.clear()
            stub.hand = None
            stub = stub.next
