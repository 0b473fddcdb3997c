"""What a run came to: verdicts, reports and the exit code, all from the folder's files alone."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import JsonValue

from harness import checks, report
from harness.errors import ExitCode, HarnessError, UsageError
from harness.history import History, Started
from harness.scenario import Expectation, Scenario

from ._folder import RunFolder
from ._prepare import import_from


class RunErrors(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong beside the system under test; kept as `errors.json`."""

    interrupted: str = ""
    """By what the run was ended before its time; then not even a failure means anything."""
    inconclusive: tuple[str, ...] = ()
    """Why the run proves nothing, such as a step that never started."""
    broken: tuple[str, ...] = ()
    """The stack or the harness failed."""
    unhealed: tuple[str, ...] = ()
    """Faults that could not be taken back, each with what to do."""

    @property
    def all(self) -> tuple[str, ...]:
        """Everything, the worst first, and once: what cannot be healed ends its step as well."""
        interrupted = (self.interrupted,) if self.interrupted else ()
        doubts = (text for text in self.inconclusive if not any(u in text for u in self.unhealed))
        return (*self.unhealed, *self.broken, *interrupted, *doubts)


@dataclass(frozen=True)
class Outcome:
    """The end of the arrow."""

    folder: Path
    verdicts: tuple[checks.Verdict, ...]
    errors: RunErrors
    exit_code: ExitCode


def judge(path: Path, directory: Path | None = None) -> Outcome:
    """Judge the run in the folder `path` (again) and write verdicts and reports into it.

    The stack's own checks are imported from `directory`, else from where the stack was when it
    was run, else from wherever Python finds them. Without them, only their own expectations are
    inconclusive: everything else is in the folder.

    Raises:
        UsageError: the folder holds no run.
        HarnessError: what it holds of one is damaged, or verdicts and reports cannot be written.
    """
    folder = RunFolder(path.resolve())
    if not folder.path.is_dir():
        raise UsageError(f"{path}: is no folder; name the folder of a run, as in runs/NAME-...")
    scenario, stack = folder.scenario(), folder.stack()
    home = directory or Path(str(stack.get("directory", "")) or ".")
    with suppress(UsageError):
        import_from(home, tuple(stack.get("checks", ())))
    errors = read_errors(folder)
    history = History.read(folder.path)
    if next(history.of(Started), None) is None:
        told = "its history does not say how the run began: it was cut short before, or is damaged"
        raise HarnessError(f"{folder.path}: {told}; copy the run again, or run it again")
    if history.damaged:
        lost = damage(history.damaged)
        errors = msgspec.structs.replace(errors, inconclusive=(*errors.inconclusive, lost))
    verdicts = tuple(map(_known, checks.judge_all(history, expectations(scenario))))
    code = exit_code(verdicts, errors)
    with folder.writing():
        checks.write_verdicts(folder.path / "verdicts.json", verdicts)
        report.write_reports(
            folder.path, history=history, scenario=scenario, stack=stack, verdicts=verdicts,
            problems=errors.all, exit_code=code,
        )  # fmt: skip
    return Outcome(folder.path, verdicts, errors, code)


def _known(verdict: checks.Verdict) -> checks.Verdict:
    """`verdict`, or what to do about it if the check that it should be of is not here."""
    if verdict.check in checks.CHECKS:
        return verdict
    told = f"the stack's own check {verdict.check} is not here; name its stack with --stack DIR"
    return msgspec.structs.replace(verdict, reason=told)


def expectations(scenario: Scenario) -> Iterator[Expectation]:
    """What the scenario expects, and what every run must show about itself.

    `faults_bite` and `generator_healthy` are asked whether the scenario names them or not, and
    `faults_bite` is told of every step: one that never happened is not in the history, so the
    check could not miss it.
    """
    steps: list[JsonValue] = [step.label for step in scenario.faults]
    named = {expectation.check for expectation in scenario.expect}
    if steps and "faults_bite" not in named:
        yield Expectation(check="faults_bite", name="faults_bite", params={"steps": steps})
    if "generator_healthy" not in named:
        yield Expectation(check="generator_healthy", name="generator_healthy")
    for expectation in scenario.expect:
        if expectation.check == "faults_bite" and "steps" not in expectation.params:
            yield expectation.model_copy(update={"params": {**expectation.params, "steps": steps}})
        else:
            yield expectation


def damage(lines: int) -> str:
    """What it means that `lines` lines of a history cannot be read."""
    return (
        f"the history proves nothing: {checks.count_text(lines, 'damaged line')} had to be left out"
    )


def exit_code(verdicts: tuple[checks.Verdict, ...], errors: RunErrors) -> ExitCode:
    """DESIGN section 8; the worst wins, and what is not conclusive is never a pass."""
    worst = checks.worst(verdicts)
    if errors.unhealed:
        return ExitCode.UNHEALED
    if errors.broken:
        return ExitCode.BROKEN
    if errors.interrupted:
        return ExitCode.INCONCLUSIVE
    if worst == "fail":
        return ExitCode.FAIL
    if worst == "inconclusive" or errors.inconclusive:
        return ExitCode.INCONCLUSIVE
    return ExitCode.PASS


def write_errors(folder: RunFolder, errors: RunErrors) -> None:
    """Keep what went wrong, for `judge`."""
    folder.write("errors.json", msgspec.json.encode(errors).decode() + "\n")


def read_errors(folder: RunFolder) -> RunErrors:
    """What `write_errors` kept. A run that did not get so far was cut short."""
    try:
        return msgspec.json.decode((folder.path / "errors.json").read_bytes(), type=RunErrors)
    except FileNotFoundError:
        return RunErrors(broken=("the run was cut short before it could be judged",))
    except (OSError, msgspec.DecodeError) as error:
        where = folder.path / "errors.json"
        raise HarnessError(f"{where}: is damaged: {error}; copy the run again") from error
