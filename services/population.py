"""A deterministic, fictitious population of travellers.

`person(i)` depends on `i` alone. So the registry is seeded with the same people that the load
generator sends to the gates, although neither knows the other. About 55 % are Indonesian citizens,
30 % hold a visa (one in thirty of these is cancelled), 13 % hold a stay permit, and 2 % are on the
watchlist. Foreign states are invented: codes that ISO 3166 reserves for users, and ICAO's Utopia.
"""

from datetime import date, timedelta
from typing import Literal

import msgspec

POPULATION = 20_000
"""The number of people who are registered if the environment's `POPULATION` is not set."""

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

# Multipliers that are coprime to their modulus: no value repeats before all have been used, and
# people with neighbouring numbers differ.
_SHUFFLE = 37
_NUMBERS = 7_654_321
_DOCUMENTS = 10**7


class Person(msgspec.Struct, frozen=True):
    """A person with a passport, and what the registry holds about them."""

    document: str
    surname: str
    given: str
    nationality: str
    birth: date
    sex: Literal["F", "M"]
    expiry: date
    """Last day of validity of the passport."""
    kind: Kind
    number: str | None
    """Number of the visa or stay permit; None for a citizen."""
    cancelled: bool
    """True if the visa was cancelled, so that its holder must not be admitted."""
    listed: bool
    """True if the document is on the watchlist from the start."""


def person(i: int) -> Person:
    """Return person number `i`, from 0."""
    slot = i * _SHUFFLE % 100
    listed = slot >= 98
    # People on the watchlist are of every kind, in the same proportions as the others.
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
