"""How verdicts put figures into words: durations of life, counts, shares, short lists."""

from collections.abc import Iterable, Sequence

from harness.errors import HarnessError
from harness.history import History

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_EVIDENCE = 20


def duration(seconds: float) -> str:
    """`seconds` of life with its two largest units, e.g. `6 h 20 min`."""
    if abs(seconds) < 10:
        return f"{seconds:.3g} s"
    sign, rest = "-" if seconds < 0 else "", round(abs(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count and len(parts) < 2:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return sign + " ".join(parts)


def real(history: History, life: float) -> float:
    """Seconds of the run in `life`; a history that does not tell its pace has life's own."""
    try:
        return history.to_wall(life)
    except (HarnessError, ZeroDivisionError):
        return life


def life(history: History, t: float) -> float:
    """Seconds of life in `t` seconds of the run."""
    try:
        return history.to_scenario(t)
    except HarnessError:
        return t


def took(history: History, t: float) -> str:
    """`t` seconds of the run as a duration of life, in words."""
    return duration(life(history, t))


def both(history: History, name: str, t: float) -> dict[str, float]:
    """`t` as two measured numbers: seconds of life and of the run."""
    return {f"{name}_life_s": round(life(history, t), 3), f"{name}_real_s": round(t, 3)}


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 request`, `2 requests`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """`part` of `whole` in percent."""
    return f"{100 * part / whole:.3g} %" if whole else "none"


def listed(names: Iterable[str], most: int = 4) -> str:
    """`a, b, c` and how many more."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def proof(indexes: Iterable[int]) -> tuple[int, ...]:
    """Evidence: the first indexes given (the worst come first), each once, not too many."""
    found = dict.fromkeys(index for index in indexes if index >= 0)
    return tuple(found)[:_EVIDENCE]


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest of `values` that at least the share `q` of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-q * len(ordered) // 1) - 1))]
