"""Rules about words and sizes: field terms, neutral examples, short files, a glossary."""

import re
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "harness").rglob("*.py"))
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]

PRIVATE_WORDS = re.compile(
    r"\b(rungs?|lookouts?|canar(y|ies)|sights?|speech|crew|clerks?|seconds of life|of life)\b",
    re.IGNORECASE,
)
"""Words of this project's own that the field has terms for (docs/glossary.md)."""

DOMAIN_WORDS = re.compile(r"immigra|passport|autogate|\bvisa\b|pdns|counter-", re.IGNORECASE)
"""Words of the reference system, which the harness does not know."""

ELSEWHERE = re.compile(r"\bDESIGN\b|\bnotes/|\bshared/notes")
"""Documents that are not in this repository."""
TEXTS = sorted(
    path
    for folder in ("harness", "services", "experiments", "tests", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".yaml", ".yml", ".md") and path != Path(__file__)
)

LONGEST = 400
"""Lines of a file."""
MEDIAN = 130

TERM = re.compile(r"^\| \*\*(?P<term>[^*]+)\*\* \| .+? \| \[`[^`]+`\]\((?P<link>[^)]+)\) \|$")


def matches(pattern: re.Pattern[str], path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [f"{path}:{n}: {line}" for n, line in enumerate(lines, 1) if pattern.search(line)]


@pytest.mark.parametrize("path", [*MODULES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_field_terms_are_used(path: Path) -> None:
    assert matches(PRIVATE_WORDS, path) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_use_a_neutral_system(path: Path) -> None:
    assert matches(DOMAIN_WORDS, path) == []


def test_no_text_cites_a_document_that_is_not_in_the_repository() -> None:
    assert len(TEXTS) > 400
    assert [line for path in TEXTS for line in matches(ELSEWHERE, path)] == []


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}
    assert median(lengths.values()) < MEDIAN


def test_the_glossary_defines_each_term_once_and_links_to_its_module() -> None:
    glossary = ROOT / "docs" / "glossary.md"
    rows = [line for line in glossary.read_text().splitlines() if line.startswith("| **")]
    found = [TERM.match(row) for row in rows]
    assert len(found) > 40
    terms = [match["term"] for match in found if match is not None]
    assert len(terms) == len(rows)
    assert len(set(terms)) == len(terms)
    assert sorted(terms, key=str.lower) == terms
    links = {match["link"] for match in found if match is not None}
    assert [link for link in links if not (glossary.parent / link).exists()] == []
