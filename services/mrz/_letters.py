# ruff: noqa: RUF001 - letters that look like others are what this module is about
"""Transliteration of names into A-Z, after Doc 9303 part 3, section 6.

The table has the Latin letters that are not transliterated by removing the diacritic. Where the
standard allows several forms (Ä as AE or A, Ñ as N or NXX, Ü as UE or UXX), the first is used.
"""

import unicodedata

_SPELLED = {
    "Ä": "AE",
    "Å": "AA",
    "Æ": "AE",
    "Ð": "D",
    "Đ": "D",
    "Ħ": "H",
    "ı": "I",
    "Ĳ": "IJ",
    "ĸ": "Q",
    "Ł": "L",
    "Ŀ": "L",
    "Ŋ": "N",
    "Ö": "OE",
    "Ø": "OE",
    "Œ": "OE",
    "ß": "SS",
    "ẞ": "SS",
    "Þ": "TH",
    "Ŧ": "T",
    "Ü": "UE",
}
_OMITTED = "'’ʼ`´.,"
_SEPARATORS = " -‐‑–"


def transliterate(name: str) -> str:
    """Return `name` in A-Z, its parts separated by one space.

    Raises:
        ValueError: A character cannot be transliterated.
    """
    letters = unicodedata.normalize("NFC", name)
    spelled = "".join(_spell(letter) for letter in letters)
    return " ".join(spelled.split())


def _spell(letter: str) -> str:
    if letter in _OMITTED:
        return ""
    if letter in _SEPARATORS:
        return " "
    for form in (letter, letter.upper()):
        if form in _SPELLED:
            return _SPELLED[form]
    base = "".join(
        part
        for part in unicodedata.normalize("NFD", letter.upper())
        if not unicodedata.combining(part)
    )
    if base and all("A" <= part <= "Z" for part in base):
        return base
    if not base:  # a diacritic without a base letter
        return ""
    raise ValueError(f"{letter!r} cannot be written in a machine-readable zone")
