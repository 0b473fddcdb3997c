"""Counts, shares and lists of names as texts, for the reason of a verdict."""

from collections.abc import Iterable


def count_text(number: int, noun: str, plural: str = "") -> str:
    """Return the number with its noun: `1 request`, `2 requests`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def percent_text(part: float, total: float) -> str:
    """Return `part` of `total` in percent, such as `4.5 %`; `none` if `total` is 0."""
    return f"{100 * part / total:.3g} %" if total else "none"


def list_text(names: Iterable[str], most: int = 4) -> str:
    """Return the first `most` names and how many more there are: `a, b, c, d and 2 more`."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def too_few_text(found: int, needed: int, noun: str, where: str) -> str:
    """Return why `found` samples are not enough to judge; empty if there are `needed` or more.

    Args:
        found: how many samples the history has.
        needed: the check's minimum.
        noun: what a sample is, in the singular, such as `request`.
        where: what was counted, such as `before the first fault`.
    """
    if found >= needed:
        return ""
    return f"only {count_text(found, noun)} {where}, at least {needed} needed"
