"""A process with a stack in containers and one active fault of each change, which tests kill.

    python -m tests.chaos.container_fault_owner STATE_DIR

It prints a JSON line, service -> container, when the faults are active, and then waits for the end
of stdin.
"""

import json
import os
import sys
from pathlib import Path

from harness.chaos import Chaos
from harness.stack import Settings, read_stack
from harness.stack.compose._stack import ComposeStack


def main() -> None:
    state = Path(sys.argv[1])
    spec = read_stack(Path(__file__).parent / "containers", os.environ)
    with ComposeStack(spec, state) as stack:
        stack.start(Settings(), lines=lambda *_: None, nodes=lambda _: None)
        with Chaos(stack, state) as chaos:
            chaos.fault("disconnect", service="desk")
            chaos.fault("starve", service="visa", cpu=0.05)
            chaos.fault("fill", service="border")
            chaos.pause("gate")
            ids = {name: stack.engine.record(name)["container"] for name in spec.services}
            print(json.dumps(ids), flush=True)
            sys.stdin.read()


main()
