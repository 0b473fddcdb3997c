"""Whether a request happened. The one rule: what cannot be told is `unknown`, never `fail`.

| what came                                                  | outcome |
|------------------------------------------------------------|---------|
| a whole answer, 2xx                                        | ok      |
| a whole answer, 4xx or 503                                 | fail    |
| nothing, and no byte was sent (refused, no such host)      | fail    |
| any other answer, a cut answer, a time-out, a broken       | unknown |
| connection                                                 |         |

A time-out while connecting is `unknown` too. Nothing was sent then, but who reads the history
must be able to rely on it that no time-out is ever counted as a refusal.
"""

from ._contract import Outcome

REFUSED = 503


def classify(status: int, *, sent: bool = True, whole: bool = True) -> Outcome:
    """The outcome of a request that was answered with `status` (0: not at all).

    `sent`: at least one byte may have reached the server. `whole`: the answer came to its end.
    """
    if status == 0:
        return "unknown" if sent else "fail"
    if not whole:
        return "unknown"
    if 200 <= status < 300:
        return "ok"
    return "fail" if 400 <= status < 500 or status == REFUSED else "unknown"
