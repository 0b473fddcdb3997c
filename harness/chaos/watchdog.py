"""Heals faults whose harness was killed or hangs: `python -m harness.chaos.watchdog STATE_DIR`.

A separate process, because nothing within a process survives its kill -9. It imports next to
nothing until it is needed, watches the lease, and ends with it.
"""

import argparse
import sys
from pathlib import Path
from time import sleep

from harness.errors import HarnessError

from ._lease import PATIENCE, declare_lapsed, read_lease

_EVERY = 0.25
"""Real seconds between two looks at the lease."""

_ATTEMPTS = 10


def main(arguments: list[str] | None = None) -> int:
    """Watch, heal if need be; 0 if nothing is left, 5 if something could not be healed."""
    parser = argparse.ArgumentParser(prog="python -m harness.chaos.watchdog", description=__doc__)
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds without a sign")
    given = parser.parse_args(arguments)
    reason = watch(given.state_dir, given.patience)
    if not reason:
        return 0
    _say(f"{reason}: healing")
    return _heal(given.state_dir)


def watch(directory: Path, patience: float) -> str:
    """Wait until the lease ends; why its faults must be healed, empty if they need not be."""
    last, unchanged = read_lease(directory), 0
    while last is not None:
        if not last.holder.alive:
            # It may have given the lease back and ended between our two looks.
            return f"process {last.holder.pid} is gone" if read_lease(directory) else ""
        sleep(_EVERY)
        now = read_lease(directory)
        # Looks are counted, not seconds: a machine that stood still has not looked.
        unchanged = unchanged + 1 if now == last else 0
        if unchanged * _EVERY >= patience:
            declare_lapsed(directory)
            return f"process {last.holder.pid} gave no sign of life for {patience:g} s"
        last = now
    return ""


def _heal(directory: Path) -> int:
    from ._heal import heal  # noqa: PLC0415 - the heavy part, needed only now

    for attempt in range(_ATTEMPTS):
        try:
            for line in heal(directory):
                _say(line)
        except HarnessError as error:
            _say(str(error))
            sleep(min(attempt + 1, 5))
        else:
            return 0
    return 5


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
