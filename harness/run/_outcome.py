"""Judges a run: verdicts, reports and the exit code, all from the files in the run's folder."""

import os
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
from harness.stack import read_stack

from ._errors import RunErrors, add_damage, read_errors
from ._folder import RunFolder
from ._format import require_format
from ._prepare import import_checks


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    folder: Path
    verdicts: tuple[checks.Verdict, ...]
    errors: RunErrors
    exit_code: ExitCode


def judge(path: Path, directory: Path | None = None) -> Outcome:
    """Judge the run in the folder `path` (again) and write verdicts and reports into it.

    No code is run that the folder names: it may come from anywhere. If a check is not found, only
    its own expectations are inconclusive.

    Args:
        path: the folder of a run.
        directory: the directory of the stack whose own checks judge. Without it, that is the stack
            in the current directory, if it has the name of the run's stack.

    Raises:
        UsageError: the folder is not a run's, or another version of the harness wrote it; or
            `directory` has no stack, or a module of its checks cannot be imported.
        HarnessError: the folder is damaged, or verdicts and reports cannot be written.
    """
    folder = RunFolder(path.resolve())
    if not folder.path.is_dir():
        raise UsageError(f"{path}: is not a folder; name the folder of a run, as in runs/NAME-...")
    require_format(folder.path)
    if directory is not None:
        import_checks(read_stack(directory, os.environ))
    else:
        _import_checks_here(folder)
    return judge_folder(folder)


def _import_checks_here(folder: RunFolder) -> None:
    """Import the checks of the stack in the current directory, if it is the stack of the run.

    A directory inside the run's folder does not count: its files came with the folder.
    """
    here = Path.cwd()
    if here.is_relative_to(folder.path):
        return
    with suppress(UsageError):
        spec = read_stack(here, os.environ)
        if spec.name == folder.read_stack().get("name"):
            import_checks(spec)


def judge_folder(folder: RunFolder) -> Outcome:
    """Judge the run in `folder` with the checks that have been imported; write its reports.

    Raises:
        HarnessError: the folder is damaged, or verdicts and reports cannot be written.
    """
    scenario, stack = folder.read_scenario(), folder.read_stack()
    history = History.read(folder.path)
    if next(history.of(Started), None) is None:
        text = "the history has no `started` event: the run was cut short before, or it is damaged"
        raise HarnessError(f"{folder.path}: {text}; copy the run again, or run it again")
    errors = add_damage(read_errors(folder), history.damaged)
    verdicts = tuple(map(_explain, checks.judge_all(history, expectations(scenario))))
    code = exit_code(verdicts, errors)
    with folder.writing():
        checks.write_verdicts(folder.path / "verdicts.json", verdicts)
        report.write_reports(
            folder.path,
            history=history,
            scenario=scenario,
            stack=stack,
            verdicts=verdicts,
            problems=errors.all,
            exit_code=code,
        )
    return Outcome(folder.path, verdicts, errors, code)


def _explain(verdict: checks.Verdict) -> checks.Verdict:
    """Return `verdict`; if its check was not found, with a reason that says what to do."""
    if verdict.check in checks.CHECKS:
        return verdict
    reason = f"the stack's own check {verdict.check} was not found; name its stack with --stack DIR"
    return msgspec.structs.replace(verdict, reason=reason)


def expectations(scenario: Scenario) -> Iterator[Expectation]:
    """Yield what the scenario expects, and what is checked in every run.

    `faults_bite` and `generator_healthy` are checked even if the scenario does not name them.
    `faults_bite` is given the labels of all fault steps: a step that never started is not in the
    history, so the check could not notice that it is missing.
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


def exit_code(verdicts: tuple[checks.Verdict, ...], errors: RunErrors) -> ExitCode:
    """Return the exit code (DESIGN section 8): the worst of what happened.

    A run that is not conclusive never passes; one that was interrupted never fails.
    """
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
