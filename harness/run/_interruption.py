"""Ends a run in order when the user or the system asks the process to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


@contextmanager
def on_interruption(interrupt: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call `interrupt` at each SIGINT, SIGTERM and SIGHUP (a closed terminal) in the block.

    `interrupt` runs in a signal handler: it must return at once. Only the main
    thread can handle signals; in any other thread this does nothing.
    """
    if current_thread() is not main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        interrupt(signal.Signals(number))

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup harness run` continues
        numbers.append(signal.SIGHUP)
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
