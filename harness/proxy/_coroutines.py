"""Run coroutines without a scheduler: they are resumed by the callback that they wait for.

async def handler():
    result = await wait_for(start)      calls start(callback); callback(result) resumes handler

run(handler())
"""

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


@types.coroutine
def wait_for(start: Callable[[Callable[[Any], None]], None]) -> Generator[Any, Any, Any]:
    """Start an operation and wait for its result.

    Args:
        start: Starts the operation. It is called with a callback, which it must call once with the
            result, now or later.

    Returns:
        The value given to the callback.
    """
    return (yield start)


def run(coroutine: Coroutine[Any, Any, None], value: Any = None) -> None:
    """Run a coroutine until it ends or waits for a callback, which then runs the rest of it.

    Args:
        coroutine: The coroutine, which waits only by `wait_for`.
        value: The result of the `wait_for` at which it is suspended; None at its start.
    """
    try:
        start = coroutine.send(value)
    except StopIteration:
        return
    start(lambda result: run(coroutine, result))
