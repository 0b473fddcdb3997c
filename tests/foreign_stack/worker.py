"""The worker: charges queued orders, oldest first, unhurried; waits longer after each refusal.

Killed between a charge and the note of it, it charges the same order again when it is back; the
provider knows orders by their id and charges each once.
"""

import os
import time

from outbox import Outbox, charge, real, say

BETWEEN_CHARGES = float(os.environ.get("BETWEEN_CHARGES", "4"))
FIRST_WAIT, LONGEST_WAIT = 15.0, 120.0
LOOK = 0.1


def main() -> None:
    """Charge for ever."""
    outbox = Outbox()
    done, wait = 0, FIRST_WAIT
    while True:
        order = outbox.oldest()
        if order is None:
            done = 0
            time.sleep(LOOK)
        elif charge(*order):
            outbox.charged(order[0])
            done, wait = done + 1, FIRST_WAIT
            say("journal", pending=outbox.pending(), done=done)
            time.sleep(real(BETWEEN_CHARGES))
        else:
            time.sleep(real(wait))
            wait = min(wait * 2, LONGEST_WAIT)


if __name__ == "__main__":
    main()
