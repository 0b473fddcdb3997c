"""A flight: its bags are put on the belt."""

from collections.abc import Sequence

from harness.load import Journey, Request

from ._persistence import persist

_PATIENCE = 1800.0


def flight(actor: str, airport: str, tags: Sequence[str]) -> Journey:
    """The bags of flight `actor` arrive at `airport`; told twice, they are there once."""
    yield from persist(
        Request(
            op="bags",
            service=f"baggage-{airport}",
            method="POST",
            path=f"/flights/{actor}",
            json={"tags": list(tags)},
            timeout=_PATIENCE,
            input={"flight": actor, "tags": list(tags)},
        ),
        actor,
    )
