"""A flight: its bags are delivered to the baggage service."""

from collections.abc import Sequence

from harness.load import Journey, Request

from ._retries import retry

_TIMEOUT = 1800.0
"""In scenario seconds."""


def flight(actor: str, airport: str, tags: Sequence[str]) -> Journey:
    """Deliver the bags of flight `actor` at `airport`; the request is idempotent."""
    yield from retry(
        Request(
            op="bags",
            service=f"baggage-{airport}",
            method="POST",
            path=f"/flights/{actor}",
            json={"tags": list(tags)},
            timeout=_TIMEOUT,
            input={"flight": actor, "tags": list(tags)},
        ),
        actor,
    )
