"""Scenarios on disk: `NAME.scenario.yaml`, or `NAME.scenario.py` that defines `scenario`."""

import runpy
from pathlib import Path

import yaml
from pydantic import ValidationError

from harness.errors import UsageError

from ._problems import one_line_problems
from ._scenario import Scenario
from ._yaml import load_yaml

SUFFIXES = (".scenario.yaml", ".scenario.py")


def find_scenarios(directory: Path) -> dict[str, Path]:
    """The scenario files of `directory`, by name, in alphabetical order."""
    found = (path for suffix in SUFFIXES for path in directory.glob(f"*{suffix}"))
    return {path.name.partition(".")[0]: path for path in sorted(found)}


def load_scenario(path: Path) -> Scenario:
    """The scenario that `path` holds.

    Raises:
        UsageError: unreadable, malformed or inconsistent; one line per problem, with file, key
            and cure.
    """
    if not path.name.endswith(SUFFIXES):
        raise UsageError(f"{path}: a scenario file ends in {' or '.join(SUFFIXES)}")
    try:
        if path.suffix == ".py":
            return _from_python(path)
        content = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}{_mark(error)}: is not YAML: {_problem(error)}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: must be a mapping with name, title, load, timeline, expect")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise UsageError(list(one_line_problems(str(path), error, Scenario))) from error


def _from_python(path: Path) -> Scenario:
    path.read_bytes()  # from here on, an OSError is the file's own
    try:
        value = runpy.run_path(str(path)).get("scenario")
    except ValidationError as error:
        raise UsageError(list(one_line_problems(str(path), error, Scenario))) from error
    # The file is the user's program: whatever it raises is theirs, and its sys.exit is not ours.
    except (Exception, SystemExit) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{path}: raised {told}") from error
    if not isinstance(value, Scenario):
        raise UsageError(f"{path}: must define `scenario = Scenario(...)`")
    return value


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())
