"""The client of a supervisor: requests from any thread, events on a thread of its own."""

import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

import msgspec

from harness.errors import StackError

from .._protocol import GoneError
from ._messages import Changed, Output, Reply, Request, decode_message, encode

_TIMEOUT = 60.0
"""Wall-clock seconds."""


class Client:
    """A connection to one supervisor.

    Both callbacks run on the client's own thread: `on_event` for each event, `on_lost` once when
    the supervisor has ended.
    """

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

    def call(self, request: Request, timeout: float = _TIMEOUT) -> Reply:
        """Send `request` and return the reply; `timeout` is in wall-clock seconds.

        Raises:
            GoneError: the supervisor has ended, and with it every service.
            StackError: the request failed, or the supervisor does not answer.
        """
        if threading.current_thread() is self._thread:  # it would wait for itself
            raise StackError("a sink must not call its own stack; call it from another thread")
        number = next(self._ids)
        answer: Future[Reply] = Future()
        with self._lock:
            if self._lost:
                raise GoneError("the stack's supervisor has ended; start the stack again")
            self._waiting[number] = answer
            try:
                self._socket.sendall(encode(msgspec.structs.replace(request, id=number)))
            except OSError as error:
                raise GoneError(
                    f"the stack's supervisor has ended ({error}); start the stack again"
                ) from error
        try:
            reply = answer.result(timeout)
        except FutureTimeout as error:
            name = type(request).__name__
            raise StackError(
                f"the stack's supervisor did not answer {name} in {timeout:g} s; run harness down"
            ) from error
        if reply.error:
            raise StackError(reply.error)
        return reply

    def close(self) -> None:
        """Close the connection; `on_lost` is not called for it."""
        self._on_lost = _do_nothing
        with suppress(OSError):  # the supervisor may have closed it already
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
            answer.set_exception(
                GoneError("the stack's supervisor has ended; see logs/supervisor.log")
            )
        self._on_lost()


def _do_nothing() -> None:
    pass
