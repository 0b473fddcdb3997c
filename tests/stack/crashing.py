"""A harness process to crash: start the stack of DIR in STATE, print `ready`, and wait.

`python crashing.py STATE DIR`. The tests run it and end it with different signals.
"""

import os
import signal
import sys
from pathlib import Path
from threading import Event

from harness.stack import Settings, read_stack
from harness.stack.local import LocalStack


def main(state: str, directory: str) -> None:
    # A shell that runs the tests in the background ignores SIGINT, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with LocalStack(read_stack(Path(directory), os.environ), Path(state)) as stack:
        stack.start(Settings(), lines=lambda *_: None, nodes=lambda _: None)
        print("ready", flush=True)
        Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
