"""The fields of a machine-readable zone, and how they are written as lines."""

from dataclasses import dataclass
from typing import Literal

from ._check import VALUES, check_digit
from ._letters import transliterate

Format = Literal["TD3", "TD1"]


class MrzError(ValueError):
    """A zone cannot be read or written; `field` names the invalid part."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


@dataclass(frozen=True)
class Mrz:
    """The fields of a zone, without fillers. Dates are YYMMDD, as in the zone."""

    document: str
    issuer: str
    nationality: str
    surname: str
    given: str
    birth: str
    sex: Literal["F", "M", "X"]
    expiry: str
    optional: str = ""
    optional_2: str = ""
    """The second optional field, on cards only."""
    code: str = "P"
    """Document code: `P` and an optional letter for passports; `A`, `C` or `I` for cards."""


def build(mrz: Mrz, form: Format = "TD3") -> tuple[str, ...]:
    """Return the lines of `mrz`. Names are transliterated, and truncated if they are too long.

    Raises:
        MrzError: A field has invalid characters or is too long.
    """
    if form == "TD1":
        return _build_card(mrz)
    first = _field("document code", mrz.code, 2) + _field("issuing state", mrz.issuer, 3)
    number = _checked("document number", mrz.document, 9)
    birth = _checked("birth", mrz.birth, 6)
    expiry = _checked("expiry", mrz.expiry, 6)
    optional = _checked("optional data", mrz.optional, 14)
    nationality = _field("nationality", mrz.nationality, 3)
    composite = check_digit(number + birth + expiry + optional)
    second = number + nationality + birth + _sex(mrz) + expiry + optional + composite
    return first + _names(mrz, 39), second


def _build_card(mrz: Mrz) -> tuple[str, ...]:
    number = _checked("document number", mrz.document, 9)
    optional = _field("optional data", mrz.optional, 15)
    birth = _checked("birth", mrz.birth, 6)
    expiry = _checked("expiry", mrz.expiry, 6)
    nationality = _field("nationality", mrz.nationality, 3)
    optional_2 = _field("second optional data", mrz.optional_2, 11)
    composite = check_digit(number + optional + birth + expiry + optional_2)
    return (
        _field("document code", mrz.code, 2)
        + _field("issuing state", mrz.issuer, 3)
        + number
        + optional,
        birth + _sex(mrz) + expiry + nationality + optional_2 + composite,
        _names(mrz, 30),
    )


def _sex(mrz: Mrz) -> str:
    return "<" if mrz.sex == "X" else mrz.sex


def _field(name: str, text: str, width: int) -> str:
    filled = text.replace(" ", "<")
    if len(filled) > width:
        raise MrzError(name, f"{text!r} is longer than {width} characters")
    if not set(filled) <= VALUES.keys():
        raise MrzError(name, f"{text!r} has characters other than A-Z, 0-9 and <")
    return filled.ljust(width, "<")


def _checked(name: str, text: str, width: int) -> str:
    filled = _field(name, text, width)
    return filled + check_digit(filled)


def _names(mrz: Mrz, width: int) -> str:
    try:
        surname = transliterate(mrz.surname).replace(" ", "<")
        given = transliterate(mrz.given).replace(" ", "<")
    except ValueError as error:
        raise MrzError("name", str(error)) from error
    if not surname:
        raise MrzError("name", "the surname is empty; write a single name as surname")
    if not given:
        return surname[:width].ljust(width, "<")
    # Part 4, 4.2.3: if both do not fit, at least one letter of the given name is kept.
    return f"{surname[: width - 3]}<<{given}"[:width].ljust(width, "<")
