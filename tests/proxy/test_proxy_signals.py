"""The server ends in order on a signal, whenever that comes."""

import subprocess
import sys

import pytest

SIGNAL_AT_FIRST_LINE = """
import os, signal, sys
from harness.proxy import _main

class Log(_main.Log):
    def __call__(self, level, event, **fields):
        super().__call__(level, event, **fields)
        if event == "listening":
            os.kill(os.getpid(), signal.{name})

_main.Log = Log
sys.exit(_main.main(["-port", "0"]))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_right_after_the_listening_line_ends_the_server_with_exit_code_0(
    name: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AT_FIRST_LINE.format(name=name)],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert b"listening" in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
