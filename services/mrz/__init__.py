"""The machine-readable zone of travel documents, after ICAO Doc 9303 parts 3, 4 and 5.

Reads and writes passports (TD3, two lines of 44 characters) and cards (TD1, three lines of 30, with
document numbers of up to nine characters):

    >>> parse(("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    ...        "L898902C36UTO7408122F1204159ZE184226B<<<<<10")).document
    'L898902C3'
"""

from ._check import check_digit
from ._document import Mrz, MrzError, build
from ._letters import transliterate
from ._reading import parse

__all__ = ["Mrz", "MrzError", "build", "check_digit", "parse", "transliterate"]
