"""The shop's own check: what was queued is charged in the order in which it was queued."""

from harness.checks import Check, Verdict
from harness.history import History, Read


class OldestFirst(Check, name="oldest_first"):
    """Of the orders that the shop queued, the provider charged the older ones first."""

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        queued = {
            request.invoke.input.get("id")
            for request in history.requests
            if request.value.get("status") == "queued"
        }
        if not queued:
            return self.unclear("no order was ever queued")
        kept = [row["id"] for row in _rows(history, "shop", "orders") if row["id"] in queued]
        charged = [row["id"] for row in _rows(history, "pay", "charges") if row["id"] in queued]
        if kept != charged:
            first = next((a for a, b in zip(kept, charged, strict=False) if a != b), kept[-1])
            return self.failed(
                f"{first} was not charged when it was its turn", (), queued=len(kept)
            )
        return self.passed(f"{len(kept)} queued orders were charged in their order", ())


def _rows(history: History, service: str, name: str) -> list[dict[str, object]]:
    reads = (read for read in history.of(Read) if (read.service, read.name) == (service, name))
    return [row for read in reads for row in read.items]
