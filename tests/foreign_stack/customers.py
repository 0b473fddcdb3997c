"""The users of the shop: customers who arrive one after the other, each with one order.

params: {orders_per_minute: 5}
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from harness.load import Arrival, Journey, Pause, Request

TIMEOUT = 60.0
"""Of an order and between two tries, in scenario seconds."""


def arrivals(params: Mapping[str, Any], random: Random, duration: float) -> Iterator[Arrival]:
    """Yield customers with exponentially distributed times between them."""
    rate = params.get("orders_per_minute")
    if not isinstance(rate, int | float) or rate <= 0:
        raise ValueError("orders_per_minute: must be a number above 0, as in 5")
    at, number = random.expovariate(rate / 60), 0
    while at < duration:
        number += 1
        amount = random.randint(1, 500)
        yield Arrival(at, "buyer", f"buyer-{number}", {"order": f"o{number}", "amount": amount})
        at += random.expovariate(rate / 60)


def buyer(actor: str, order: str, amount: int) -> Journey:
    """Place an order; retry it with the same id, three times in all, until it is accepted."""
    for _ in range(3):
        answer = yield Request(
            op="order",
            service="shop",
            method="POST",
            path="/orders",
            json={"id": order, "amount": amount, "customer": actor},
            timeout=TIMEOUT,
            input={"id": order, "amount": amount},
        )
        if answer.outcome == "ok":
            return
        yield Pause(TIMEOUT)


JOURNEYS = {"buyer": buyer}
