"""noop: does nothing. Useful to try out the handling of toxics."""

from harness.proxy.toxics._base import Toxic


class Noop(Toxic, kind="noop"):
    """Passes everything on."""
