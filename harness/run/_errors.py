"""What went wrong in a run apart from the system under test: collected, kept and read back."""

import msgspec

from harness import checks
from harness.errors import HarnessError

from ._folder import RunFolder

_FILE = "errors.json"


class RunErrors(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that went wrong; stored as `errors.json`."""

    interrupted: str = ""
    """What ended the run early. Then no verdict counts, not even a failed one."""
    inconclusive: tuple[str, ...] = ()
    """Why the run proves nothing, for example a step that never started."""
    broken: tuple[str, ...] = ()
    """How the stack or the harness failed."""
    unhealed: tuple[str, ...] = ()
    """Faults that could not be healed, each with what to do by hand."""

    @property
    def all(self) -> tuple[str, ...]:
        """Return every text once, the worst first.

        An unhealed fault is reported by its step as well; that repetition is left out.
        """
        interrupted = (self.interrupted,) if self.interrupted else ()
        doubts = (text for text in self.inconclusive if not any(u in text for u in self.unhealed))
        return (*self.unhealed, *self.broken, *interrupted, *doubts)


class ErrorLog:
    """Collects the errors of a run that is under way."""

    def __init__(self) -> None:
        self.interrupted = ""
        self.inconclusive: list[str] = []
        self.broken: list[str] = []
        self.unhealed: list[str] = []

    def errors(self) -> RunErrors:
        """Return what was collected so far."""
        return RunErrors(
            interrupted=self.interrupted,
            inconclusive=tuple(self.inconclusive),
            broken=tuple(self.broken),
            unhealed=tuple(self.unhealed),
        )


def lost_lines_text(service: str) -> str:
    """Return the doubt about a run in which log lines of `service` were lost."""
    return (
        f"{service}: it logs faster than the harness reads, or reading its log failed; lines were "
        f"lost, events perhaps; let it log less"
    )


def add_damage(errors: RunErrors, damaged: int) -> RunErrors:
    """Return `errors` with a doubt added if `damaged` lines of the history cannot be read."""
    if not damaged:
        return errors
    lines = checks.count_text(damaged, "damaged line")
    text = f"the history is incomplete and proves nothing: {lines} had to be left out"
    return msgspec.structs.replace(errors, inconclusive=(*errors.inconclusive, text))


def write_errors(folder: RunFolder, errors: RunErrors) -> None:
    """Store `errors` in the run's folder, for `judge`."""
    folder.write(_FILE, msgspec.json.encode(errors).decode() + "\n")


def read_errors(folder: RunFolder) -> RunErrors:
    """Return what `write_errors` stored. A run that stored nothing was cut short.

    Raises:
        HarnessError: the file is damaged.
    """
    path = folder.path / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunErrors)
    except FileNotFoundError:
        return RunErrors(broken=("the run was cut short before it could be judged",))
    except (OSError, msgspec.DecodeError) as error:
        raise HarnessError(f"{path}: is damaged: {error}; copy the run again") from error
