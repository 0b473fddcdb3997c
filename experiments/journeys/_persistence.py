"""How people ask again: under the same id, and long enough for what is broken to come back."""

from collections.abc import Generator
from zlib import crc32

from harness.load import Pause, Request, Response

_FIRST = 120.0
_LONGEST = 1800.0
_GROWTH = 1.5
TRIES = 48
"""With the pauses above, about 20 hours of asking: a restart is outlived at any pace."""


def persist(request: Request, actor: str) -> Generator[Request | Pause, Response, Response]:
    """Ask until there is a clear answer, and return the last one.

    Nothing is clear about a request that may have happened; a refused connection and a 503 are
    clear, but not the last word. Anything else (422, 409, ...) is.
    """
    pause = _FIRST
    for n in range(TRIES):
        answer = yield request
        if not may_ask_again(answer):
            break
        yield Pause(pause * _jitter(actor, n))
        pause = min(pause * _GROWTH, _LONGEST)
    return answer


def may_ask_again(answer: Response) -> bool:
    """Whether it makes sense to ask the same thing again."""
    if answer.outcome == "unknown":
        return True
    refused = answer.status == 503 and answer.json.get("error") != "same-day"
    return answer.outcome == "fail" and (answer.status == 0 or refused)


def _jitter(actor: str, n: int) -> float:
    """0.75 to 1.25, from who asks: else all who were refused together would come back together."""
    return 0.75 + crc32(f"{actor}/{n}".encode()) % 501 / 1000
