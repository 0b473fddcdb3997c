"""Coroutines without a scheduler: each runs until it awaits a callback, and continues in it.

    async def handler():
        result = await wait_for_callback(start)

    run_coroutine(handler())

Here `start(callback)` is called with a callback, and starts an operation that calls
`callback(result)` when it is done.
"""

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


@types.coroutine
def wait_for_callback(start: Callable[[Callable[[Any], None]], None]) -> Generator[Any, Any, Any]:
    """Call `start` with a callback; await the value that the callback is called with."""
    return (yield start)


def run_coroutine(coroutine: Coroutine[Any, Any, None], value: Any = None) -> None:
    """Run a coroutine until it ends or awaits a callback, which then continues it.

    Args:
        coroutine: The coroutine to start or continue.
        value: The result of what it awaited; None to start it.
    """
    try:
        start = coroutine.send(value)
    except StopIteration:
        return
    start(lambda result: run_coroutine(coroutine, result))
