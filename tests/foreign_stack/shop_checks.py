"""The shop's own check: orders that were queued are charged in the order of the queue."""

from itertools import zip_longest

from harness.checks import Check, Ledger, Verdict, count_text, final_read
from harness.history import History

ORDERS = Ledger(service="shop", read="orders")
CHARGES = Ledger(service="pay", read="charges")


class OldestFirst(Check, name="oldest_first"):
    """Passes if the provider charged the orders that the shop queued in the order of the queue.

    Fails if one was charged out of turn. Orders that the shop had tried to charge before it queued
    them are left out: the provider may have charged them then, in any order.
    """

    def judge(self, history: History) -> Verdict:
        """Compare the order of the shop's rows with the order of the provider's charges."""
        queued = {
            request.invoke.input.get("id")
            for request in history.requests
            if request.value.get("status") == "queued"
        }
        if not queued:
            return self.inconclusive("no order was ever queued")
        reads = [final_read(history, ledger) for ledger in (ORDERS, CHARGES)]
        for read in reads:
            if read.problem:
                return self.inconclusive(f"{read.problem}, so the orders cannot be compared")
        orders, charges = reads
        tried = {name for name, rows in orders.by_id().items() if rows[0][0].get("tried")}
        if not queued - tried:
            return self.inconclusive(
                "every queued order may have been charged before it was queued"
            )
        stored, charged = (
            [name for name in read.by_id() if name in queued - tried] for read in (orders, charges)
        )
        for expected, name in zip_longest(stored, charged):
            if expected != name:
                return self.failed(f"{expected or name} was not charged when it was its turn", ())
        return self.passed(f"{count_text(len(stored), 'queued order')} charged in their order", ())
