"""How users retry: with the same id, and for long enough that an outage ends before they stop."""

from collections.abc import Generator
from zlib import crc32

from harness.load import Pause, Request, Response

_FIRST_PAUSE = 120.0
_LONGEST_PAUSE = 1800.0
"""In scenario seconds."""
_GROWTH = 1.5
TRIES = 48
"""With these pauses about 20 scenario hours of retries: longer than a restart at any pace."""


def retry(request: Request, actor: str) -> Generator[Request | Pause, Response, Response]:
    """Send `request` until its answer is final, and return the last answer.

    Retried are unknown outcomes, because the request may or may not have happened, and refused
    connections and 503, because they are temporary. Anything else (422, 409, ...) is final.
    """
    pause = _FIRST_PAUSE
    for n in range(TRIES):
        answer = yield request
        if not may_retry(answer):
            break
        yield Pause(pause * _jitter(actor, n))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
    return answer


def may_retry(answer: Response) -> bool:
    """Return True if a retry of the same request may have another answer."""
    if answer.outcome == "unknown":
        return True
    refused = answer.status == 503 and answer.json.get("error") != "same-day"
    return answer.outcome == "fail" and (answer.status == 0 or refused)


def _jitter(actor: str, n: int) -> float:
    """Return 0.75 to 1.25, from a hash of the actor: users refused at once retry at other times."""
    return 0.75 + crc32(f"{actor}/{n}".encode()) % 501 / 1000
