"""noop: does nothing. Useful to test clients of the API."""

from harness.proxy.toxics._base import Toxic


class Noop(Toxic, type_name="noop"):
    """Forwards all bytes unchanged."""
