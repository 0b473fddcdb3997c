"""Parser for machine-readable zones. It verifies all check digits; errors name the field."""

import calendar
from collections.abc import Sequence
from typing import Literal

from ._check import VALUES, check_digit
from ._document import Mrz, MrzError

_SHAPES = {2: 44, 3: 30}
_SEXES: dict[str, Literal["F", "M", "X"]] = {"F": "F", "M": "M", "<": "X"}


def parse(lines: Sequence[str]) -> Mrz:
    """Return the fields of a machine-readable zone.

    Raises:
        MrzError: The lines are not a zone, or a check digit or a field is wrong.
    """
    if len(lines) not in _SHAPES:
        raise MrzError("lines", f"a zone has 2 lines of 44 or 3 of 30, not {len(lines)} lines")
    width = _SHAPES[len(lines)]
    for number, line in enumerate(lines, 1):
        if len(line) != width:
            raise MrzError(f"line {number}", f"has {len(line)} characters, not {width}")
        if not set(line) <= VALUES.keys():
            raise MrzError(f"line {number}", "has characters other than A-Z, 0-9 and <")
    return _passport(*lines) if width == 44 else _card(*lines)


def _passport(first: str, second: str) -> Mrz:
    if first[0] != "P":
        raise MrzError("document code", f"must begin with P for a passport, not {first[0]}")
    _verify("document number", second[0:9], second[9])
    _verify("birth", second[13:19], second[19])
    _verify("expiry", second[21:27], second[27])
    _verify_optional(second[28:42], second[42])
    _verify("composite", second[0:10] + second[13:20] + second[21:43], second[43])
    return _fields(
        code=first[0:2],
        issuer=first[2:5],
        names=first[5:44],
        document=second[0:9],
        nationality=second[10:13],
        birth=second[13:19],
        sex=second[20],
        expiry=second[21:27],
        optional=second[28:42],
    )


def _card(first: str, second: str, third: str) -> Mrz:
    if first[0] not in "ACI":
        raise MrzError("document code", f"must begin with A, C or I for a card, not {first[0]}")
    if first[14] == "<":
        raise MrzError("document number", "is continued in the optional data; not supported")
    _verify("document number", first[5:14], first[14])
    _verify("birth", second[0:6], second[6])
    _verify("expiry", second[8:14], second[14])
    _verify("composite", first[5:30] + second[0:7] + second[8:15] + second[18:29], second[29])
    return _fields(
        code=first[0:2],
        issuer=first[2:5],
        names=third,
        document=first[5:14],
        nationality=second[15:18],
        birth=second[0:6],
        sex=second[7],
        expiry=second[8:14],
        optional=first[15:30],
        optional_2=second[18:29],
    )


def _verify(field: str, text: str, digit: str) -> None:
    if check_digit(text) != digit:
        raise MrzError(field, f"has check digit {digit} instead of {check_digit(text)}")


def _verify_optional(text: str, digit: str) -> None:
    # Part 4, 4.2.2.2: if the field is not used, its check digit may be 0 or a filler.
    if digit == "<" and not text.strip("<"):
        return
    _verify("optional data", text, digit)


def _fields(
    *,
    code: str,
    issuer: str,
    names: str,
    document: str,
    nationality: str,
    birth: str,
    sex: str,
    expiry: str,
    optional: str,
    optional_2: str = "",
) -> Mrz:
    surname, _, given = names.rstrip("<").partition("<<")
    if names.startswith("<") or any(letter.isdigit() for letter in names):
        raise MrzError("name", "has digits or no surname")
    if sex not in _SEXES:
        raise MrzError("sex", f"must be F, M or <, not {sex}")
    if not document.strip("<"):
        raise MrzError("document number", "is empty")
    _date("birth", birth, unknown=True)
    _date("expiry", expiry, unknown=False)
    return Mrz(
        document=document.rstrip("<"),
        issuer=_state("issuing state", issuer),
        nationality=_state("nationality", nationality),
        surname=surname.replace("<", " "),
        given=given.strip("<").replace("<", " "),
        birth=birth,
        sex=_SEXES[sex],
        expiry=expiry,
        optional=optional.rstrip("<"),
        optional_2=optional_2.rstrip("<"),
        code=code.rstrip("<"),
    )


def _state(field: str, text: str) -> str:
    state = text.rstrip("<")
    if not state or not state.isalpha():
        raise MrzError(field, f"must be one to three letters, not {text}")
    return state


def _date(field: str, text: str, *, unknown: bool) -> None:
    """Raise an error for an impossible date; parts of a birth date may be unknown (`<<`)."""
    year, month, day = text[0:2], text[2:4], text[4:6]
    for part in (year, month, day):
        if not (part.isdigit() or (unknown and part == "<<")):
            raise MrzError(field, f"{text} is not YYMMDD")
    if month != "<<" and not 1 <= int(month) <= 12:
        raise MrzError(field, f"{text} has no such month")
    # The century of a two-digit year is unknown. 2000 was a leap year and 1900 was not, so 20xx is
    # used, which accepts the 29th of February in year 00.
    leap = 2000 if year == "<<" else 2000 + int(year)
    longest = 31 if month == "<<" else calendar.monthrange(leap, int(month))[1]
    if day != "<<" and not 1 <= int(day) <= longest:
        raise MrzError(field, f"{text} has no such day")
