"""Draws travellers and applicants from the registered population, nobody twice while it lasts."""

from random import Random

from services.mrz import Mrz, build
from services.population import POPULATION, Kind, Person, person


class People:
    """Draws persons by their number, in a random order; starts again when all were drawn."""

    def __init__(self, random: Random) -> None:
        self._order = random.sample(range(POPULATION), POPULATION)
        self._next = 0

    def draw(self) -> int:
        """Return the number of the next person."""
        number = self._order[self._next % POPULATION]
        self._next += 1
        return number

    def draw_kind(self, *kinds: Kind) -> int:
        """Return the number of the next person of one of `kinds`; persons of others are skipped."""
        while True:
            number = self.draw()
            if person(number).kind in kinds:
                return number


def lines(who: Person, *, readable: bool = True) -> list[str]:
    """Return the machine-readable zone of their passport; with a wrong digit if not `readable`."""
    first, second = build(
        Mrz(
            document=who.document,
            issuer=who.nationality,
            nationality=who.nationality,
            surname=who.surname,
            given=who.given,
            birth=f"{who.birth:%y%m%d}",
            sex=who.sex,
            expiry=f"{who.expiry:%y%m%d}",
        )
    )
    if not readable:
        worn = (int(second[-1]) + 1) % 10
        second = f"{second[:-1]}{worn}"  # the composite check digit is wrong
    return [first, second]
