"""The contract of both journals, and the durability of the one on disk."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kit import (
    Counts,
    Journal,
    JournalConflictError,
    JournalError,
    JournalFullError,
    MemoryJournal,
    Record,
    Settled,
    SqliteJournal,
)


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = (
        MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "j.sqlite")
    )
    yield made
    made.close()


def fill(journal: Journal, *ids: str) -> None:
    for name in ids:
        journal.append(name, {"id": name})


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records]


def test_a_record_is_found_as_it_was_written(journal: Journal) -> None:
    written = journal.append("c1", {"flight": "XX1", "stamp": {"stay": 30}}, "border")
    found = journal.find("c1")
    assert found == written
    assert found is not None
    assert found.content == {"flight": "XX1", "stamp": {"stay": 30}}
    assert (found.group, found.state, found.reason) == ("border", "written", None)


def test_an_unknown_record_is_not_found(journal: Journal) -> None:
    assert journal.find("c1") is None


def test_appending_the_same_again_makes_no_second_record(journal: Journal) -> None:
    first = journal.append("c1", {"a": 1, "b": 2})
    again = journal.append("c1", {"b": 2, "a": 1})
    assert again == first
    assert journal.counts() == Counts(written=1)


def test_the_same_id_with_different_content_is_a_conflict(journal: Journal) -> None:
    journal.append("c1", {"document": "A"})
    with pytest.raises(JournalConflictError, match="c1"):
        journal.append("c1", {"document": "B"})
    assert journal.counts() == Counts(written=1)


def test_appending_again_does_not_reset_a_settled_record(journal: Journal) -> None:
    journal.append("c1", {})
    journal.settle([Settled("c1")])
    assert journal.append("c1", {}).state == "entered"
    assert journal.counts() == Counts(entered=1)


def test_pending_records_come_oldest_first_whatever_their_ids(journal: Journal) -> None:
    fill(journal, "c", "a", "b")
    assert ids(journal.pending(2)) == ["c", "a"]
    journal.settle([Settled("c")])
    assert ids(journal.pending(2)) == ["a", "b"]


def test_pending_records_can_be_limited_to_a_group(journal: Journal) -> None:
    journal.append("p1", {}, "passport")
    journal.append("v1", {}, "visa")
    journal.append("p2", {}, "passport")
    assert ids(journal.pending(9, "passport")) == ["p1", "p2"]
    assert ids(journal.pending(9)) == ["p1", "v1", "p2"]


def test_settled_records_keep_their_reason(journal: Journal) -> None:
    fill(journal, "a", "b")
    changed = journal.settle([Settled("b", "quarantined", "conflict")])
    assert [(r.id, r.state, r.reason) for r in changed] == [("b", "quarantined", "conflict")]
    assert journal.find("b") == changed[0]
    assert journal.counts() == Counts(written=1, quarantined=1)


def test_settling_twice_or_settling_an_unknown_record_changes_nothing(journal: Journal) -> None:
    fill(journal, "a")
    assert ids(journal.settle([Settled("a"), Settled("a"), Settled("x")])) == ["a"]
    assert journal.settle([Settled("a", "quarantined", "late-hit")]) == []
    assert journal.counts() == Counts(entered=1)


def test_pages_follow_each_other_without_gap_or_overlap(journal: Journal) -> None:
    fill(journal, *"abcde")
    seen, after = [], 0
    while page := journal.page(after, 2):
        seen += ids(page)
        after = page[-1].number
    assert seen == list("abcde")


def test_a_page_of_one_state_skips_the_others(journal: Journal) -> None:
    fill(journal, *"abc")
    journal.settle([Settled("b", "quarantined", "rejected")])
    assert ids(journal.page(0, 9, "quarantined")) == ["b"]
    assert ids(journal.page(2, 9, "quarantined")) == []


def test_the_share_of_an_empty_journal_is_one() -> None:
    assert Counts().share == 1.0
    assert Counts(written=2, entered=1, quarantined=1).share == 0.5


steps = st.lists(
    st.tuples(st.sampled_from(["append", "enter", "quarantine", "reopen"]), st.integers(0, 5)),
    max_size=30,
)


@settings(deadline=None)
@given(steps)
def test_both_journals_agree_after_any_history(history: list[tuple[str, int]]) -> None:
    model = MemoryJournal()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.sqlite"
        real = SqliteJournal(path)
        for verb, number in history:
            if verb == "reopen":
                real.close()
                real = SqliteJournal(path)
                continue
            for journal in (model, real):
                if verb == "append":
                    journal.append(f"c{number}", {"n": number})
                elif verb == "enter":
                    journal.settle([Settled(f"c{number}")])
                else:
                    journal.settle([Settled(f"c{number}", "quarantined", "conflict")])
        assert real.page(0, 99) == model.page(0, 99)
        assert real.pending(99) == model.pending(99)
        assert real.counts() == model.counts()
        real.close()


def test_a_full_disk_raises_journal_full_and_keeps_the_stored_records(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    journal.append("c1", {"n": 1})
    # Simulates a full disk without a mount: SQLite may not grow its file.
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalFullError, match="no space"):
        journal.append("c2", {"long": "x" * 20_000})
    assert journal.find("c2") is None
    assert journal.counts() == Counts(written=1)
    journal._db.execute(f"PRAGMA max_page_count = {pages + 100}")
    journal.append("c2", {"long": "x" * 20_000})
    assert journal.counts() == Counts(written=2)
    journal.close()


def test_a_file_that_is_not_a_journal_raises_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, and long enough to be looked at" * 40)
    with pytest.raises(JournalError, match=r"j\.sqlite"):
        SqliteJournal(path)


def test_a_failed_batch_settles_nothing(tmp_path: Path) -> None:
    def marks() -> Iterator[Settled]:
        yield Settled("a")
        raise KeyboardInterrupt

    journal = SqliteJournal(tmp_path / "j.sqlite")
    fill(journal, "a", "b")
    with pytest.raises(KeyboardInterrupt):
        journal.settle(marks())
    assert ids(journal.pending(9)) == ["a", "b"]
    assert journal.counts() == Counts(written=2)
    journal.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    full = 2
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (full,)
    journal.close()


WRITER = """
import sys
from pathlib import Path
from services.kit import SqliteJournal

journal = SqliteJournal(Path(sys.argv[1]))
for n in range(100_000):
    journal.append(f"c{n}", {"n": n})
    print(n, flush=True)
"""


def test_appended_records_survive_a_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    try:
        acknowledged = [int(writer.stdout.readline()) for _ in range(50)]
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = [
            *acknowledged,
            *(int(line) for line in writer.stdout if line.endswith("\n")),
        ]
        writer.stdout.close()
        writer.wait()

    journal = SqliteJournal(path)
    stored = [record.content["n"] for record in journal.page(0, 200_000)]
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) - len(acknowledged) in (
        0,
        1,
    )  # at most the one whose output line was cut off
    assert journal.counts().written == len(stored)
    assert journal._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal.close()
