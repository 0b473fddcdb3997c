"""The people who travel: fictitious, and the same every time.

`person(i)` follows from `i` alone, so the registry is seeded and travellers are sent to the gates
without either side knowing the other. About 55 % are Indonesian citizens, 30 % hold a visa (one in
thirty of them a cancelled one), 13 % a stay permit, and 2 % of all are on the watchlist. Foreign
states are invented: codes that ISO 3166 leaves to its users, and ICAO's own Utopia.
"""

from datetime import date, timedelta
from typing import Literal

import msgspec

POPULATION = 20_000
"""How many are registered unless the environment says otherwise."""

Service = Literal["passport", "visa", "stay-permit"]
Kind = Literal["citizen", "visa", "stay-permit"]

STATES = ("UTO", "QMA", "QNB", "XAU", "ZZB")
SURNAMES = {
    "citizen": ("WIJAYA", "SARI", "NASUTION", "PUTRA", "SIREGAR", "LESTARI", "HALIM", "GUNAWAN"),
    "foreigner": ("ERIKSSON", "OMALLEY", "VAN DER MEER", "ABARA", "KOVACS", "LINDQVIST", "TRAN"),
}
GIVEN = {
    "citizen": ("BUDI", "DEWI AYU", "AGUS", "RATNA", "EKO", "SITI", "MADE", "INTAN", "YUSUF"),
    "foreigner": ("ANNA MARIA", "JOSE", "IVO", "NNEKA", "BELA", "ASTRID", "MINH", "ZOE", "OTTO"),
}

# Multipliers without a common factor with what they are reduced by, so that no value repeats
# before all have been used, and neighbours look unlike each other.
_SHUFFLE = 37
_NUMBERS = 7_654_321
_DOCUMENTS = 10**7


class Person(msgspec.Struct, frozen=True):
    """Somebody with a passport, and what the data center knows about them."""

    document: str
    surname: str
    given: str
    nationality: str
    birth: date
    sex: Literal["F", "M"]
    expiry: date
    """Of the passport."""
    kind: Kind
    number: str | None
    """Of the visa or permit."""
    cancelled: bool
    """The visa was cancelled: its holder must not be let in."""
    listed: bool
    """On the watchlist from the beginning."""


def person(i: int) -> Person:
    """The `i`-th person, from 0."""
    slot = i * _SHUFFLE % 100
    listed = slot >= 98
    # The listed come from every kind, in the same proportions as everybody.
    kind = _kind(i // 100 * _SHUFFLE % 98 if listed else slot)
    digits = f"{(i * _NUMBERS + 1_234_567) % _DOCUMENTS:07}"
    home = "citizen" if kind == "citizen" else "foreigner"
    initial = {"citizen": "X", "visa": "P", "stay-permit": "R"}[kind]
    return Person(
        document=f"{initial}{digits}",
        surname=SURNAMES[home][i % len(SURNAMES[home])],
        given=GIVEN[home][i // 7 % len(GIVEN[home])],
        nationality="IDN" if kind == "citizen" else STATES[i // 3 % len(STATES)],
        birth=date(1950, 1, 1) + timedelta(days=i * 7_919 % 20_000),
        sex="F" if i * 5 // 3 % 2 else "M",
        expiry=date(2027, 1, 1) + timedelta(days=i * 613 % 3_000),
        kind=kind,
        number=None if kind == "citizen" else f"{'V' if kind == 'visa' else 'K'}{digits}",
        cancelled=kind == "visa" and not listed and slot == 84,
        listed=listed,
    )


def _kind(slot: int) -> Kind:
    if slot < 55:
        return "citizen"
    return "visa" if slot < 85 else "stay-permit"
