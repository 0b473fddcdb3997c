"""Heal the faults of a harness that was killed or hangs.

    python -m harness.chaos.watchdog STATE_DIR

It is a process of its own, because nothing within a process survives kill -9. It watches the
lease and ends with it. The modules that heal are imported only when they are needed.
"""

import argparse
import sys
from pathlib import Path
from time import sleep

from harness.errors import HarnessError

from ._lease import LEASE_TIMEOUT, mark_lapsed, read_lease

_INTERVAL = 0.25
"""Wall-clock seconds between two reads of the lease."""

_ATTEMPTS = 10


def main(arguments: list[str] | None = None) -> int:
    """Watch, and heal if necessary; return 0, or 5 if something could not be healed."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.chaos.watchdog",
        description="Heal the faults of a harness that was killed or hangs.",
    )
    parser.add_argument("state_dir", type=Path)
    parser.add_argument(
        "--timeout", type=float, default=LEASE_TIMEOUT, help="seconds without a heartbeat"
    )
    options = parser.parse_args(arguments)
    reason = watch(options.state_dir, options.timeout)
    if not reason:
        return 0
    _log(f"{reason}: healing")
    return _heal(options.state_dir)


def watch(directory: Path, timeout: float) -> str:
    """Wait for the end of the lease in `directory`.

    Returns:
        Why its faults must be healed; empty if the lease was released.
    """
    last, unchanged = read_lease(directory), 0
    while last is not None:
        if not last.owner.is_alive:
            # It may have released the lease and ended since the lease was read.
            return f"process {last.owner.pid} is gone" if read_lease(directory) else ""
        sleep(_INTERVAL)
        now = read_lease(directory)
        # Counts reads, not seconds: while a machine is suspended, the watchdog does not read.
        unchanged = unchanged + 1 if now == last else 0
        if unchanged * _INTERVAL >= timeout:
            mark_lapsed(directory)
            return f"process {last.owner.pid} sent no heartbeat for {timeout:g} s"
        last = now
    return ""


def _heal(directory: Path) -> int:
    from ._heal import heal  # noqa: PLC0415 - loads pydantic and requests, needed only now

    for attempt in range(_ATTEMPTS):
        try:
            for line in heal(directory):
                _log(line)
        except HarnessError as error:
            _log(str(error))
            sleep(min(attempt + 1, 5))
        else:
            return 0
    return 5


def _log(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
