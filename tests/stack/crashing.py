"""A harness that is about to crash: starts the stack of DIR in STATE, says so, and waits.

`python crashing.py STATE DIR`. Run by the tests, which end it in every way that there is.
"""

import os
import signal
import sys
from pathlib import Path
from threading import Event

from harness.stack import Settings, read_stack
from harness.stack.local import LocalStack


def main(state: str, directory: str) -> None:
    # Whoever runs the tests in the background has SIGINT ignored, which children inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with LocalStack(read_stack(Path(directory), os.environ), Path(state)) as stack:
        stack.start(Settings(), lines=lambda *_: None, nodes=lambda _: None)
        print("ready", flush=True)
        Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
