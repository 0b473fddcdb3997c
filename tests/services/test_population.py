"""The fictitious population."""

import string
from collections import Counter

from services.population import person

MANY = 20_000
PEOPLE = [person(i) for i in range(MANY)]


def test_the_population_is_deterministic() -> None:
    assert PEOPLE[:500] == [person(i) for i in range(500)]


def test_documents_are_unique() -> None:
    assert len({one.document for one in PEOPLE}) == MANY
    assert len({one.number for one in PEOPLE if one.number}) == sum(
        one.number is not None for one in PEOPLE
    )


def test_each_kind_has_its_share() -> None:
    kinds = Counter(one.kind for one in PEOPLE)
    assert abs(kinds["citizen"] / MANY - 0.55) < 0.02
    assert abs(kinds["visa"] / MANY - 0.30) < 0.02
    assert abs(kinds["stay-permit"] / MANY - 0.13) < 0.02
    assert sum(one.listed for one in PEOPLE) == 0.02 * MANY
    assert {one.kind for one in PEOPLE if one.listed} == set(kinds)


def test_a_few_visas_are_cancelled() -> None:
    cancelled = [one for one in PEOPLE if one.cancelled]
    assert 0.005 < len(cancelled) / MANY < 0.015
    assert {one.kind for one in cancelled} == {"visa"}
    assert not any(one.listed for one in cancelled)


def test_any_hundred_people_include_every_kind() -> None:
    some = PEOPLE[:100]
    assert {one.kind for one in some} == {"citizen", "visa", "stay-permit"}
    assert any(one.listed for one in some)
    assert any(one.cancelled for one in some)


def test_names_and_numbers_fit_into_a_passport() -> None:
    letters = set(string.ascii_uppercase)
    for one in PEOPLE:
        assert len(one.document) <= 9
        assert set(one.document) <= letters | set(string.digits)
        assert len(one.nationality) == 3
        assert set(one.nationality) <= letters
        assert set(one.surname + one.given) <= letters | {" "}
        assert len(one.surname) + len(one.given) <= 37
        assert one.birth < one.expiry
        assert (one.nationality == "IDN") == (one.kind == "citizen") == (one.number is None)
    assert {one.sex for one in PEOPLE} == {"F", "M"}
    assert len({one.surname for one in PEOPLE}) > 10
