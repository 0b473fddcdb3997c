"""The errors a user can meet, each with its exit code.

    HarnessError            4  the stack or the harness failed
    ├── UsageError          2  wrong usage, or an invalid scenario or stack file
    │   └── BackendError    2  the chosen backend lacks what the scenario needs
    ├── StackError          4  a service did not start, answer or stop
    ├── WorkerLostError     3  part of the load was not sent, so the run proves nothing
    └── UnhealedError       5  a fault could not be reverted

Every message names the thing, the place and the cure, in one line (a `UsageError` may carry
several problems, one line each). `harness.cli` prints the message and never a traceback.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit status of a run, and of every other command."""

    PASS = 0
    """Every expectation holds."""
    FAIL = 1
    """An expectation does not hold: the system under test is to blame."""
    USAGE = 2
    """Wrong usage, or an invalid scenario or stack file."""
    INCONCLUSIVE = 3
    """The run proves nothing: for example, it was interrupted, or a fault was not verified."""
    BROKEN = 4
    """The stack or the harness failed."""
    UNHEALED = 5
    """A fault is still in effect."""


class HarnessError(Exception):
    """The stack or the harness failed."""

    exit_code = ExitCode.BROKEN


class StackError(HarnessError):
    """A service did not start, answer or stop."""


class WorkerLostError(HarnessError):
    """A load worker ended early, so the load was not what the scenario asks for."""

    exit_code = ExitCode.INCONCLUSIVE


class UnhealedError(HarnessError):
    """A fault could not be reverted; the message says what to do by hand."""

    exit_code = ExitCode.UNHEALED


class UsageError(HarnessError):
    """The user's input is wrong; `problems` has one line for everything that is."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class BackendError(UsageError):
    """The chosen backend lacks what is asked for, and another one has it."""
