"""The harness's end of the control connection: calls from any thread, events on one of its own."""

import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

import msgspec

from harness.errors import StackError

from ._messages import Changed, Output, Reply, Request, decode_message, encode

_PATIENCE = 60.0


class Client:
    """Talks to one supervisor. `on_event` gets what happens, `on_lost` that it is gone."""

    def __init__(
        self,
        connection: socket.socket,
        on_event: Callable[[Output | Changed], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._socket = connection
        self._on_event, self._on_lost = on_event, on_lost
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[Reply]] = {}
        self._lock = threading.Lock()
        self._lost = False
        self._thread = threading.Thread(target=self._listen, name="stack-events", daemon=True)
        self._thread.start()

    def call(self, request: Request, patience: float = _PATIENCE) -> Reply:
        """Have `request` done.

        Raises:
            StackError: it could not be, or nobody answers.
        """
        if threading.current_thread() is self._thread:  # which would wait for itself
            raise StackError("a sink called the stack that called it; use another thread for that")
        number = next(self._ids)
        answer: Future[Reply] = Future()
        with self._lock:
            if self._lost:
                raise StackError("the stack's supervisor is gone; start the stack again")
            self._waiting[number] = answer
            try:
                self._socket.sendall(encode(msgspec.structs.replace(request, id=number)))
            except OSError as error:
                raise StackError(f"the stack's supervisor is gone ({error})") from error
        try:
            reply = answer.result(patience)
        except FutureTimeout as error:
            kind = type(request).__name__.lower()
            raise StackError(
                f"the stack's supervisor did not do {kind!r} in {patience:g} s; harness down"
            ) from error
        if reply.error:
            raise StackError(reply.error)
        return reply

    def close(self) -> None:
        """Hang up; nothing is reported afterwards."""
        self._on_lost = _nothing
        with suppress(OSError):  # the other end may be faster
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)
        self._socket.close()

    def _listen(self) -> None:
        rest = b""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                message = decode_message(line)
                if not isinstance(message, Reply):
                    self._on_event(message)
                elif answer := self._waiting.pop(message.id, None):
                    answer.set_result(message)
        with self._lock:
            self._lost = True
            waiting, self._waiting = list(self._waiting.values()), {}
        for answer in waiting:
            answer.set_exception(StackError("the stack's supervisor ended; see its log"))
        self._on_lost()


def _nothing() -> None:
    pass
