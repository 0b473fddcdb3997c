"""How many requests a tenant received, and what became of them.

served    it did its work, whatever the answer was
refused   its admission kept them out
failed    its storage did, or nobody knows
"""

from dataclasses import dataclass, fields


@dataclass
class Traffic:
    """Counts since the start, or since they were last taken."""

    received: int = 0
    served: int = 0
    refused: int = 0
    failed: int = 0

    def numbers(self) -> dict[str, int]:
        """The counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def since(self, before: "Traffic") -> "Traffic":
        """What was added to `before`."""
        now, then = self.numbers(), before.numbers()
        return Traffic(**{name: now[name] - then[name] for name in now})

    def copy(self) -> "Traffic":
        """The counts as they are now."""
        return Traffic(**self.numbers())

    @property
    def in_flight(self) -> int:
        """Requests that were received and are not yet answered."""
        return self.received - self.served - self.refused - self.failed
