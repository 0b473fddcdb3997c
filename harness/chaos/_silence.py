"""When a silence means something: only against an answer that came much sooner."""

from ._canary import Looks

SILENCE = 0.4
"""Real seconds. A service on loopback answers its health path within a few milliseconds, tens on
a busy machine; the canary beside the link is what tells a slow service from a lost answer."""


def silent(through: Looks, beside: Looks) -> bool:
    """Whether every look through the link stayed silent for twice as long as the answer took."""
    answer = min((sight.first for sight in beside if sight.outcome != "silent"), default=None)
    return answer is not None and all(
        sight.outcome == "silent" and sight.first >= 2 * answer for sight in through
    )
