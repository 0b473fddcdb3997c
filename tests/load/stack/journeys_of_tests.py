"""Journeys of which the parameters say everything."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from harness.load import Arrival, Journey, Pause, Request


def arrivals(params: Mapping[str, Any], random: Random, duration: float) -> Iterator[Arrival]:
    """One arrival for each of `steps`, `each` times, evenly spread."""
    steps = params["steps"] * params.get("each", 1)
    if "wrong" in params:
        raise ValueError(f"wrong: {params['wrong']} is not known; leave it out")
    for n, step in enumerate(steps):
        at = duration * n / len(steps)
        yield Arrival(at, "journey", f"actor-{n}", {"steps": step.split(", ")})


def journey(actor: str, steps: list[str]) -> Journey:
    """`GET /ok`, `POST refusing/x`, `pause 5`, `raise`, separated by commas."""
    for step in steps:
        verb, _, path = step.partition(" ")
        if verb == "pause":
            yield Pause(float(path))
        elif verb == "raise":
            raise LookupError("a bug in a journey")
        else:
            service, _, path = path.partition("/")
            yield Request(
                op=f"{verb} /{path}",
                service=service or "server",
                method=verb,
                path=f"/{path}",
                json={"actor": actor} if verb == "POST" else None,
                timeout=0.3,
                input={"actor": actor, "step": step},
            )


JOURNEYS = {"journey": journey}
