"""What the chaos room adds to the errors of `harness.errors`."""

from harness.errors import HarnessError


class ChaosError(HarnessError):
    """A fault could not be injected; whatever was changed for it has been taken back."""
