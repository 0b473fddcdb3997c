"""Counts a tenant's requests by their result.

served    processed, whatever the answer was
refused   refused by admission control
failed    the storage failed, or the outcome is unknown
"""

from dataclasses import dataclass, fields


@dataclass
class Traffic:
    """Numbers of requests since the start of the process, or between two points in time."""

    received: int = 0
    served: int = 0
    refused: int = 0
    failed: int = 0

    def numbers(self) -> dict[str, int]:
        """Return the counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def since(self, before: "Traffic") -> "Traffic":
        """Return the difference to an earlier copy."""
        now, then = self.numbers(), before.numbers()
        return Traffic(**{name: now[name] - then[name] for name in now})

    def copy(self) -> "Traffic":
        """Return a copy of the current counts."""
        return Traffic(**self.numbers())

    @property
    def in_flight(self) -> int:
        """The number of requests that were received and are not answered yet."""
        return self.received - self.served - self.refused - self.failed
