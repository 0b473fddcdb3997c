"""The shop's own check: what was queued is charged in the order in which it was queued."""

from itertools import zip_longest

from harness.checks import Check, Ledger, Verdict, count, final_read
from harness.history import History

ORDERS = Ledger(service="shop", read="orders")
CHARGES = Ledger(service="pay", read="charges")


class OldestFirst(Check, name="oldest_first"):
    """Of the orders that the shop queued, the provider charged the older ones first.

    Those that the shop had tried to charge before it queued them are left out: the provider may
    have charged them then, and in any order.
    """

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        queued = {
            request.invoke.input.get("id")
            for request in history.requests
            if request.value.get("status") == "queued"
        }
        if not queued:
            return self.unclear("no order was ever queued")
        reads = [final_read(history, ledger) for ledger in (ORDERS, CHARGES)]
        for read in reads:
            if read.problem:
                return self.unclear(f"{read.problem}, so nobody can tell the order")
        orders, charges = reads
        tried = {name for name, rows in orders.by_id().items() if rows[0][0].get("tried")}
        if not queued - tried:
            return self.unclear("every queued order may have been charged before it was queued")
        kept, charged = (
            [name for name in read.by_id() if name in queued - tried] for read in (orders, charges)
        )
        for due, name in zip_longest(kept, charged):
            if due != name:
                return self.failed(f"{due or name} was not charged when it was its turn", ())
        return self.passed(f"{count(len(kept), 'queued order')} charged in their order", ())
