"""Coroutines without a scheduler: they run until they wait for a callback, and go on in it.

async def handler():
    answer = await wait_for(ask)      ask(callback) is called, and callback(answer) in time

run(handler())
"""

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


@types.coroutine
def wait_for(ask: Callable[[Callable[[Any], None]], None]) -> Generator[Any, Any, Any]:
    """Await what `ask` will hand to the callback it is given."""
    return (yield ask)


def run(coroutine: Coroutine[Any, Any, None], value: Any = None) -> None:
    """Run a coroutine up to its end, or to the next thing that it waits for."""
    try:
        ask = coroutine.send(value)
    except StopIteration:
        return
    ask(lambda answer: run(coroutine, answer))
