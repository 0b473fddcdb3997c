"""The worker: charges queued orders, oldest first, with a backoff after each refusal.

If it is killed between a charge and storing it, it charges the same order again after its restart;
the provider is idempotent by order id.
"""

import os
import time

from outbox import Outbox, charge, log, wall_seconds

BETWEEN_CHARGES = float(os.environ.get("BETWEEN_CHARGES", "4"))
FIRST_BACKOFF, LONGEST_BACKOFF = 15.0, 120.0
"""In scenario seconds, as is `BETWEEN_CHARGES`."""
POLL_EVERY = 0.1
"""In wall-clock seconds."""


def main() -> None:
    """Charge queued orders; never returns."""
    outbox = Outbox()
    done, backoff = 0, FIRST_BACKOFF
    while True:
        order = outbox.oldest()
        if order is None:
            done = 0
            time.sleep(POLL_EVERY)
        elif charge(*order):
            outbox.set_charged(order[0])
            done, backoff = done + 1, FIRST_BACKOFF
            log("journal", pending=outbox.pending(), done=done)
            time.sleep(wall_seconds(BETWEEN_CHARGES))
        else:
            time.sleep(wall_seconds(backoff))
            backoff = min(backoff * 2, LONGEST_BACKOFF)


if __name__ == "__main__":
    main()
