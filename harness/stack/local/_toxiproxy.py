"""Choose the Toxiproxy program of a local stack."""

import os
import shutil
import sys
from pathlib import Path

from harness.errors import UsageError

VARIABLE = "HARNESS_TOXIPROXY"


def toxiproxy_command(port: int, seed: int) -> tuple[str, ...]:
    """Return the command line of a Toxiproxy whose API listens on `port` of loopback.

    It is the program in HARNESS_TOXIPROXY, else `toxiproxy-server` on the PATH, else the embedded
    server. Only the embedded server is given `seed`: that of a real one has no effect, and old
    versions refuse the option.

    Raises:
        UsageError: HARNESS_TOXIPROXY is not an executable file.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen and not (Path(chosen).is_file() and os.access(chosen, os.X_OK)):
        raise UsageError(f"{VARIABLE}={chosen}: is not an executable file; correct it, or unset it")
    real = chosen or shutil.which("toxiproxy-server")
    if real:
        return (real, "-host", "127.0.0.1", "-port", str(port))
    options = ("--host", "127.0.0.1", "--port", str(port), f"--seed={seed}")
    return (sys.executable, "-m", "harness.proxy", *options)
