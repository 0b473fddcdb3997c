"""The Toxiproxy of a local stack: which program it is."""

import os
import shutil
import sys
from pathlib import Path

from harness.errors import UsageError

VARIABLE = "HARNESS_TOXIPROXY"


def toxiproxy_command(port: int) -> tuple[str, ...]:
    """The real server if HARNESS_TOXIPROXY or the PATH has one, else the embedded one.

    Raises:
        UsageError: HARNESS_TOXIPROXY is no program.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen and not (Path(chosen).is_file() and os.access(chosen, os.X_OK)):
        raise UsageError(f"{VARIABLE}={chosen}: is no program; correct it, or unset it")
    real = chosen or shutil.which("toxiproxy-server")
    if real:
        return (real, "-host", "127.0.0.1", "-port", str(port))
    return (sys.executable, "-m", "harness.proxy", "--host", "127.0.0.1", "--port", str(port))
