"""Callbacks that watch a run and must not be able to break it."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Observers(Generic[T]):
    """Callbacks that are called in turn with every item; one that raises is removed."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[T], None]] = []

    def add(self, callback: Callable[[T], None]) -> None:
        """Call `callback` with every item from now on."""
        self._callbacks.append(callback)

    def notify(self, item: T) -> None:
        """Call every callback with `item`; never raises."""
        for callback in tuple(self._callbacks):
            try:
                callback(item)
            # SystemExit: rich raises it when it prints to a closed pipe.
            except (Exception, SystemExit):  # noqa: BLE001 - an observer must not break the run
                self._callbacks.remove(callback)
