"""The check digit of Doc 9303 part 3, section 4.9: weights 7, 3, 1 over the values, modulo 10."""

from itertools import cycle

VALUES = {
    "<": 0,
    **{str(digit): digit for digit in range(10)},
    **{chr(ord("A") + n): 10 + n for n in range(26)},
}


def check_digit(text: str) -> str:
    """Return the check digit of `text`, which may contain A-Z, 0-9 and `<` only."""
    weighed = zip(text, cycle((7, 3, 1)), strict=False)
    return str(sum(VALUES[character] * weight for character, weight in weighed) % 10)
