"""The outcome of a request. The rule: what cannot be decided is `unknown`, never `fail`.

| answer                                                     | outcome |
|------------------------------------------------------------|---------|
| complete, 2xx                                              | ok      |
| complete, 4xx or 503                                       | fail    |
| none, and no byte was sent (refused, no such host)         | fail    |
| any other status, an incomplete answer, a time-out, a      | unknown |
| broken connection                                          |         |

A time-out while connecting is `unknown` too. Nothing was sent then, but readers of a history must
be able to rely on the rule that no time-out counts as a refusal.
"""

from ._contract import Outcome

REFUSED = 503


def classify(status: int, *, sent: bool = True, complete: bool = True) -> Outcome:
    """Return the outcome of a request.

    Args:
        status: HTTP status of the answer; 0 without an answer.
        sent: at least one byte may have reached the server.
        complete: the answer was received to its end.
    """
    if status == 0:
        return "unknown" if sent else "fail"
    if not complete:
        return "unknown"
    if 200 <= status < 300:
        return "ok"
    return "fail" if 400 <= status < 500 or status == REFUSED else "unknown"
