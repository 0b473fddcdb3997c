"""A process with active faults, which tests kill.

    python -m tests.chaos.fault_owner SERVER STATE_DIR LEASE

It prints a JSON line when the faults are active, and then reads commands on stdin: `inject`, `end`.
"""

import json
import sys
from pathlib import Path

from harness.chaos import Chaos
from harness.errors import HarnessError

from .fake_stack import FakeStack


def main() -> None:
    server, state_dir, lease = sys.argv[1:]
    stack = FakeStack(server, processes=("border",))
    pids = [process.pid for process in stack.processes.values()]
    with Chaos(stack, Path(state_dir), lease=float(lease)) as chaos:
        chaos.cut("gate-visa")
        chaos.fault("blackhole", link="desk-gate")
        chaos.fault("delay", link="visa-database", latency="100ms")
        chaos.pause("border")
        print(json.dumps({"pids": pids, "links": stack.links}), flush=True)
        for line in sys.stdin:
            if line.strip() == "end":
                break
            try:
                chaos.cut("border-database").heal()
            except HarnessError as error:
                print(json.dumps(str(error)), flush=True)
    stack.close()


main()
