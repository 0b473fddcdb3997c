"""The error class that this package adds to `harness.errors`."""

from harness.errors import HarnessError


class ChaosError(HarnessError):
    """A fault could not be injected; the changes that were made for it have been reverted."""
