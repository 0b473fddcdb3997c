"""Travellers and applicants, drawn from the registered population, nobody twice if it suffices."""

from random import Random

from services.mrz import Mrz, build
from services.population import POPULATION, Kind, Person, person


class People:
    """Draws persons by number."""

    def __init__(self, random: Random) -> None:
        self._order = random.sample(range(POPULATION), POPULATION)
        self._next = 0

    def draw(self) -> int:
        """The number of the next person."""
        number = self._order[self._next % POPULATION]
        self._next += 1
        return number

    def draw_kind(self, *kinds: Kind) -> int:
        """The number of the next person of one of `kinds`, which are not rare."""
        while True:
            number = self.draw()
            if person(number).kind in kinds:
                return number


def lines(who: Person, *, readable: bool = True) -> list[str]:
    """The machine-readable zone of their passport; `readable` or with a digit worn off."""
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
        second = f"{second[:-1]}{worn}"  # the composite check digit no longer agrees
    return [first, second]
