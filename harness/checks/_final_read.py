"""What a service stored when the run was over: the pages of a final read, put together."""

from dataclasses import dataclass, field
from typing import Any

from harness.history import History, Read
from harness.scenario import Model

from ._match import Fields, as_id, matches


class Ledger(Model):
    """Names a final read of a service, the field with the id of a row, and the rows that count."""

    service: str
    read: str
    id: str = "id"
    where: Fields = {}


@dataclass
class FinalRead:
    """The rows of a ledger, each with the index of the history event that it was read in."""

    ledger: Ledger
    rows: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    problem: str = ""
    """Why the read is incomplete; empty if it is complete."""

    def by_id(self) -> dict[str, list[tuple[dict[str, Any], int]]]:
        """Return the rows grouped by their id, without those that have none."""
        found: dict[str, list[tuple[dict[str, Any], int]]] = {}
        for row, index in self.rows:
            name = as_id(row.get(self.ledger.id))
            if name is not None:
                found.setdefault(name, []).append((row, index))
        return found

    @property
    def rows_without_id(self) -> int:
        """The number of rows that have no id."""
        return sum(as_id(row.get(self.ledger.id)) is None for row, _ in self.rows)


def final_read(history: History, ledger: Ledger) -> FinalRead:
    """Return the last complete read of `ledger`; without one, the last attempt and its problem."""
    name = f"the final read {ledger.read!r} of {ledger.service}"
    attempt = FinalRead(ledger)
    last = FinalRead(ledger, problem=f"{name} was never taken")
    for page in history.of(Read):
        if (page.service, page.name) != (ledger.service, ledger.read):
            continue
        attempt.rows += [(row, page.index) for row in page.items if matches(row, ledger.where)]
        attempt.problem = f"{name} is incomplete"
        if page.error:
            attempt.problem = f"{name} failed ({page.error})"
        elif page.complete:
            attempt.problem = ""
        if attempt.problem == "" or last.problem:
            last = attempt
        if page.error or page.complete:
            attempt = FinalRead(ledger)
    return last
