"""The command line, `harness`: each command is one call into another room.

`_runs` has the commands for runs, `_stacks` those for a stack that stays up, `_tools` the rest;
`_options` what they share, and `_tables` what they print. A user's mistake is reported in one
line on stderr, never as a traceback. Exit codes are those of `harness.errors.ExitCode`.
"""

from . import _runs, _stacks, _tools  # noqa: F401 - importing them registers their commands
from ._app import app, main

__all__ = ["app", "main"]
