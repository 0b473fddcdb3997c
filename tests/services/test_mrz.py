"""The machine-readable zone: the published specimens, and round trips of generated documents."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mrz import Mrz, MrzError, build, check_digit, parse, transliterate

SPECIMEN = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
SPECIMEN_CARD = (
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
)
ANNA = Mrz(
    document="L898902C3",
    issuer="UTO",
    nationality="UTO",
    surname="ERIKSSON",
    given="ANNA MARIA",
    birth="740812",
    sex="F",
    expiry="120415",
    optional="ZE184226B",
)


def with_character(line: str, position: int, character: str) -> str:
    """Return `line` with another character at `position`, which counts from 1 as in Doc 9303."""
    return line[: position - 1] + character + line[position:]


def test_the_specimen_passport_is_parsed() -> None:
    assert parse(SPECIMEN) == ANNA


def test_the_specimen_passport_is_written() -> None:
    assert build(ANNA) == SPECIMEN


def test_the_specimen_card_is_read_and_written() -> None:
    card = parse(SPECIMEN_CARD)
    assert (card.document, card.given, card.code) == ("D23145890", "ANNA MARIA", "I")
    assert build(card, "TD1") == SPECIMEN_CARD


@pytest.mark.parametrize(
    ("text", "digit"),
    [
        ("520727", "3"),
        ("AB2134<<<", "5"),
        ("HA672242<658022549601086<<<<<<<<<<<<<<0", "8"),
        ("", "0"),
    ],
)
def test_check_digits_are_those_of_the_standard(text: str, digit: str) -> None:
    assert check_digit(text) == digit


@pytest.mark.parametrize(
    ("line", "position", "character", "field"),
    [
        (2, 1, "M", "document number"),
        (2, 10, "7", "document number"),
        (2, 14, "8", "birth"),
        (2, 20, "3", "birth"),
        (2, 22, "2", "expiry"),
        (2, 28, "0", "expiry"),
        (2, 29, "Y", "optional data"),
        (2, 43, "2", "optional data"),
        (2, 44, "1", "composite"),
        (2, 21, "Q", "sex"),
        (2, 11, "1", "nationality"),
        (1, 1, "I", "document code"),
        (1, 3, "7", "issuing state"),
        (1, 6, "7", "name"),
        (1, 6, "<", "name"),
        (1, 6, "e", "line 1"),
        (2, 6, "Ä", "line 2"),
    ],
)
def test_the_error_names_the_field(line: int, position: int, character: str, field: str) -> None:
    lines = list(SPECIMEN)
    lines[line - 1] = with_character(lines[line - 1], position, character)
    with pytest.raises(MrzError) as caught:
        parse(lines)
    assert caught.value.field == field


@pytest.mark.parametrize("lines", [(), ("P<",), SPECIMEN * 2, (SPECIMEN[0], SPECIMEN[1][:-1])])
def test_lines_that_are_not_a_zone_are_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(MrzError, match="line"):
        parse(lines)


def test_an_unused_optional_field_may_have_a_filler_for_its_check_digit() -> None:
    first, second = build(Mrz(**{**vars(ANNA), "optional": ""}))
    assert second[42] == "0"
    filler = second[:42] + "<"
    filler += check_digit(filler[0:10] + filler[13:20] + filler[21:43])
    assert parse((first, filler)).optional == ""


def test_a_used_optional_field_needs_its_check_digit() -> None:
    with pytest.raises(MrzError, match="optional data"):
        parse((SPECIMEN[0], with_character(SPECIMEN[1], 43, "<")))


@pytest.mark.parametrize(
    ("birth", "valid"),
    [
        ("740812", True),
        ("74<<<<", True),
        ("<<<<<<", True),
        ("000229", True),
        ("741312", False),
        ("740231", False),
        ("010229", False),
        ("74081A", False),
        ("7408<2", False),
    ],
)
def test_birth_dates_may_be_unknown_but_not_impossible(birth: str, valid: bool) -> None:
    lines = build(Mrz(**{**vars(ANNA), "birth": birth}))
    if valid:
        assert parse(lines).birth == birth
    else:
        with pytest.raises(MrzError, match="birth"):
            parse(lines)


def test_an_unknown_expiry_is_refused() -> None:
    with pytest.raises(MrzError, match="expiry"):
        parse(build(Mrz(**{**vars(ANNA), "expiry": "12<<<<"})))


def test_a_card_with_a_continued_document_number_is_refused() -> None:
    lines = (with_character(SPECIMEN_CARD[0], 15, "<"), *SPECIMEN_CARD[1:])
    with pytest.raises(MrzError, match="document number"):
        parse(lines)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("O'Malley", "OMALLEY"),
        ("Müller-Lüdenscheidt", "MUELLER LUEDENSCHEIDT"),
        ("Ångström", "AANGSTROEM"),
        ("Þórður", "THORDUR"),
        ("Straße", "STRASSE"),
        ("Łukasz Żółć", "LUKASZ ZOLC"),
        ("Nguyễn", "NGUYEN"),
        ("Işık", "ISIK"),  # noqa: RUF001
        ("Œuvrard  D. Été", "OEUVRARD D ETE"),
        ("Mu\u0308ller", "MUELLER"),
    ],
)
def test_names_are_transliterated(name: str, zone: str) -> None:
    assert transliterate(name) == zone


def test_a_name_in_another_script_is_refused() -> None:
    with pytest.raises(MrzError, match="name"):
        build(Mrz(**{**vars(ANNA), "surname": "Σωκράτης"}))


def test_a_long_surname_leaves_room_for_the_given_name() -> None:
    first, _ = build(Mrz(**{**vars(ANNA), "surname": "A" * 60}))
    assert len(first) == 44
    assert first.endswith("A<<A")


def test_a_single_name_has_no_given_name() -> None:
    lines = build(Mrz(**{**vars(ANNA), "surname": "SUHARTO", "given": ""}))
    assert (parse(lines).surname, parse(lines).given) == ("SUHARTO", "")


@pytest.mark.parametrize(
    ("field", "value"), [("document", "L898902C33"), ("nationality", "uto"), ("surname", "")]
)
def test_a_field_that_does_not_fit_is_refused(field: str, value: str) -> None:
    with pytest.raises(MrzError):
        build(Mrz(**{**vars(ANNA), field: value}))


letters = st.text(string.ascii_uppercase, min_size=1, max_size=5)
words = st.lists(letters, min_size=1, max_size=3).map(" ".join)
people = st.builds(
    Mrz,
    document=st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=9),
    issuer=letters.map(lambda text: text[:3]),
    nationality=letters.map(lambda text: text[:3]),
    surname=words,
    given=st.one_of(st.just(""), words),
    birth=st.dates().map(lambda day: day.strftime("%y%m%d")),
    sex=st.sampled_from(["F", "M", "X"]),
    expiry=st.dates().map(lambda day: day.strftime("%y%m%d")),
    optional=st.text(string.ascii_uppercase + string.digits, max_size=11),
)


@settings(deadline=None)
@given(people)
def test_a_written_passport_parses_to_the_same_fields(person: Mrz) -> None:
    assert parse(build(person)) == person


@settings(deadline=None)
@given(people)
def test_a_written_card_parses_to_the_same_fields(person: Mrz) -> None:
    card = Mrz(**{**vars(person), "code": "I", "surname": "SARI", "given": "DEWI"})
    assert parse(build(card, "TD1")) == card


CHECKED = [*range(10), *range(13, 20), *range(21, 44)]
alphabet = string.ascii_uppercase + string.digits + "<"


@settings(deadline=None)
@given(people, st.sampled_from(CHECKED), st.sampled_from(alphabet))
def test_a_misread_character_is_detected(person: Mrz, position: int, character: str) -> None:
    """7, 3 and 1 are coprime to 10, so only a change by a multiple of 10 is not detected."""
    first, second = build(person)
    misread = second[:position] + character + second[position + 1 :]
    values = {c: n for n, c in enumerate(string.digits + string.ascii_uppercase)} | {"<": 0}
    if (values[second[position]] - values[character]) % 10 == 0:
        return
    with pytest.raises(MrzError):
        parse((first, misread))
