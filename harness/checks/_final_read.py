"""What a service held when the run was over: the pages of a final read, put together."""

from dataclasses import dataclass, field
from typing import Any

from harness.history import History, Read
from harness.scenario import Model

from ._match import Fields, ident, matches


class Ledger(Model):
    """A final read, and the rows of it that count."""

    service: str
    read: str
    id: str = "id"
    where: Fields = {}


@dataclass
class FinalRead:
    """Rows with the index of the page that each came on."""

    ledger: Ledger
    rows: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    problem: str = ""
    """Why the read is not whole; empty if it is."""

    def by_id(self) -> dict[str, list[tuple[dict[str, Any], int]]]:
        """The rows that count, grouped by their id; rows without one are left out."""
        found: dict[str, list[tuple[dict[str, Any], int]]] = {}
        for row, index in self.rows:
            name = ident(row.get(self.ledger.id))
            if name is not None:
                found.setdefault(name, []).append((row, index))
        return found

    @property
    def nameless(self) -> int:
        """How many rows that count have no id."""
        return sum(ident(row.get(self.ledger.id)) is None for row, _ in self.rows)


def final_read(history: History, ledger: Ledger) -> FinalRead:
    """The last whole attempt at reading `ledger`, else the last attempt and what went wrong."""
    name = f"the final read {ledger.read!r} of {ledger.service}"
    attempt = FinalRead(ledger)
    last = FinalRead(ledger, problem=f"{name} was never taken")
    for page in history.of(Read):
        if (page.service, page.name) != (ledger.service, ledger.read):
            continue
        attempt.rows += [(row, page.index) for row in page.items if matches(row, ledger.where)]
        attempt.problem = f"{name} was cut short"
        if page.error:
            attempt.problem = f"{name} could not be had ({page.error})"
        elif page.complete:
            attempt.problem = ""
        if attempt.problem == "" or last.problem:
            last = attempt
        if page.error or page.complete:
            attempt = FinalRead(ledger)
    return last
