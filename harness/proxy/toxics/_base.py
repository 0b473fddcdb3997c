"""Base class of all toxics, and the registry of toxic types.

A toxic is a class with annotated attributes, which are its settings in the API, and a coroutine,
`pipe`, which moves chunks from `stub.receive()` to `stub.forward()`:

    class Latency(Toxic, type_name="latency"):
        latency: int = 0

        async def pipe(self, stub: Stub) -> None:
            while chunk := await stub.receive():
                await stub.sleep_until(chunk.at + self.latency / 1000)
                await stub.forward()

When `pipe` returns, the stream ends there. All connections share the settings; state of one link
is kept in `stub.state`. See docs/proxy.md for a list of all toxics.
"""

import random
from typing import Any, ClassVar, Final, Self

from harness.proxy._stub import Stub

TOXIC_TYPES: Final[dict[str, type["Toxic"]]] = {}
"""Toxic classes by the name of their type in the API."""

MAX_MS: Final = 9_223_372_036_854
"""The longest duration that Toxiproxy can hold, in milliseconds (292 years)."""


class ToxicError(Exception):
    """A setting is invalid; the message is written for users."""


class Toxic:
    """Settings of one toxic, and what it does to the bytes of a stream."""

    type_name: ClassVar[str] = ""
    """Name of the type in the API."""
    queue_limit: ClassVar[int] = 1
    """How many chunks a stub queues before its source is no longer read."""
    keeps_current_on_update: ClassVar[bool] = False
    """Whether an update keeps the current chunk for the new run of `pipe`; else the chunk is
    forwarded unchanged."""
    closes_on_removal: ClassVar[bool] = False
    """Whether removing it closes the live connections of its stream."""
    delays_dial: ClassVar[bool] = False
    """Whether `dial_delay` is called for new connections."""
    attributes: ClassVar[dict[str, Any]] = {}
    """Name and type of each setting, in the order in which the API shows them."""

    def __init_subclass__(cls, type_name: str) -> None:
        """Register the subclass under the name of its type."""
        cls.type_name = type_name
        cls.attributes = {
            name: type_
            for name, type_ in cls.__annotations__.items()
            if getattr(type_, "__origin__", type_) is not ClassVar
        }
        TOXIC_TYPES[type_name] = cls

    def copy(self, changes: dict[str, Any]) -> Self:
        """Return a copy with some settings changed; raise ToxicError if one is invalid."""
        other = type(self)()
        for name in self.attributes:
            setattr(other, name, changes.get(name, getattr(self, name)))
        other.validate()
        return other

    def settings(self) -> dict[str, Any]:
        """Return all settings, defaults included."""
        return {name: getattr(self, name) for name in self.attributes}

    def validate(self) -> None:
        """Raise ToxicError if a setting is invalid."""

    def validate_stream(self, stream: str) -> None:
        """Raise ToxicError if the toxic cannot be used on this stream (in lower case)."""

    def dial_delay(self, rng: random.Random) -> float:
        """Return the delay of a new connection's dial, in wall-clock seconds."""
        del rng
        return 0.0

    def attach(self, stub: Stub) -> None:
        """Prepare a link for the toxic; called once for each link, before `pipe` runs first."""

    def detach(self, stub: Stub) -> None:
        """Undo `attach`, when the toxic is removed from the link."""

    async def pipe(self, stub: Stub) -> None:
        """Move chunks from the stub's input to its output until the stream ends."""
        while await stub.receive():
            await stub.forward()


def check_range(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    """Raise ToxicError unless the value of a setting is from `least` to `most`."""
    if not least <= value <= most:
        unit = f" {unit}" if unit else ""
        raise ToxicError(f"{name} must be from {least} to {most}{unit}, not {value}")


def check_milliseconds(name: str, value: int) -> None:
    """Raise ToxicError unless the value of a setting is a duration in milliseconds."""
    check_range(name, value, 0, MAX_MS, "milliseconds")
