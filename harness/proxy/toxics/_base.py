"""What a toxic is, and the table of all kinds.

A toxic is a class with annotated attributes (its settings, as the API shows them) and one
coroutine, `pipe`, that moves chunks from `stub.receive()` to `stub.forward()`:

    class Latency(Toxic, kind="latency"):
        latency: int = 0

        async def pipe(self, stub: Stub) -> None:
            while chunk := await stub.receive():
                await stub.sleep_until(chunk.at + self.latency / 1000)
                await stub.forward()

When `pipe` returns, the stream ends there. Settings belong to the toxic, and all connections
share them; what belongs to one connection is kept in `stub.state`.
"""

import random
from typing import Any, ClassVar, Final, Self

from harness.proxy._stub import Stub

TOXIC_TYPES: Final[dict[str, type["Toxic"]]] = {}

LONGEST_MS: Final = 9_223_372_036_854
"""The longest duration that Toxiproxy can hold, in milliseconds (292 years)."""


class ToxicError(Exception):
    """The settings make no sense; the message is a sentence for the user."""


class Toxic:
    """Settings of one fault, and how it treats the bytes of a stream."""

    kind: ClassVar[str] = ""
    queue_limit: ClassVar[int] = 1
    """How many chunks may wait before it until the source is no longer read."""
    keeps_hand: ClassVar[bool] = False
    """Whether an update leaves the chunk in hand there, for `pipe` to go on with; else it is
    passed on as it is."""
    closes_on_removal: ClassVar[bool] = False
    """Whether removing it closes the live connections of its stream."""
    delays_opening: ClassVar[bool] = False
    """Whether `opening_delay` is to be asked."""
    attributes: ClassVar[dict[str, Any]] = {}
    """Name and type of each setting, in the order in which they are shown."""

    def __init_subclass__(cls, kind: str) -> None:
        """Enter the kind into the table."""
        cls.kind = kind
        cls.attributes = {
            name: type_
            for name, type_ in cls.__annotations__.items()
            if getattr(type_, "__origin__", type_) is not ClassVar
        }
        TOXIC_TYPES[kind] = cls

    def copy(self, changes: dict[str, Any]) -> Self:
        """Return a checked copy with some settings changed; raise ToxicError if it cannot be."""
        other = type(self)()
        for name in self.attributes:
            setattr(other, name, changes.get(name, getattr(self, name)))
        other.check()
        return other

    def settings(self) -> dict[str, Any]:
        """Return all settings, defaults included."""
        return {name: getattr(self, name) for name in self.attributes}

    def check(self) -> None:
        """Raise ToxicError if the settings make no sense."""

    def check_stream(self, stream: str) -> None:
        """Raise ToxicError if the toxic makes no sense on this stream."""

    def opening_delay(self, chance: random.Random) -> float:
        """Return by how many seconds a new connection is dialled later."""
        del chance
        return 0.0

    def attach(self, stub: Stub) -> None:
        """Take part in a link: called once, before `pipe` runs there for the first time."""

    def detach(self, stub: Stub) -> None:
        """Undo `attach`: the toxic is taken out of the link."""

    async def pipe(self, stub: Stub) -> None:
        """Move chunks from the stub's input to its output until the stream ends."""
        while await stub.receive():
            await stub.forward()


def check_range(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    """Raise ToxicError unless the value lies within the bounds."""
    if not least <= value <= most:
        unit = f" {unit}" if unit else ""
        raise ToxicError(f"{name} must be from {least} to {most}{unit}, not {value}")


def check_milliseconds(name: str, value: int) -> None:
    """Raise ToxicError unless the value is a duration."""
    check_range(name, value, 0, LONGEST_MS, "milliseconds")
