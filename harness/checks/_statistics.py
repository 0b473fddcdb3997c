"""Statistics over the samples of a run."""

from collections.abc import Sequence


def quantile(values: Sequence[float], q: float) -> float:
    """Return the smallest of `values` that at least the share `q` (0 to 1) of them do not exceed.

    Raises:
        IndexError: there are no values.
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-q * len(ordered) // 1) - 1))]
