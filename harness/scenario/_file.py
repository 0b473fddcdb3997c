"""Scenarios on disk: `NAME.scenario.yaml`, or `NAME.scenario.py` that defines `scenario`."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from harness.errors import UsageError

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
        raise UsageError(list(one_line_problems(str(path), error))) from error


def _from_python(path: Path) -> Scenario:
    try:
        value = runpy.run_path(str(path)).get("scenario")
    except ValidationError as error:
        raise UsageError(list(one_line_problems(str(path), error))) from error
    except OSError:
        raise
    except Exception as error:  # the file is the user's program: whatever it raises is theirs
        raise UsageError(f"{path}: raised {type(error).__name__}: {error}") from error
    if not isinstance(value, Scenario):
        raise UsageError(f"{path}: must define `scenario = Scenario(...)`")
    return value


def one_line_problems(place: str, error: ValidationError) -> Iterator[str]:
    """Each problem of a validation as `place: key.path: what is wrong`, on one line."""
    for problem in error.errors():
        key = ".".join(_keys(problem["loc"]))
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            text = "unknown key; check its spelling (harness schema lists the keys)"
        elif problem["type"] == "missing":
            text = "is missing"
        shown = f"{place}: {key}: {text}" if key else f"{place}: {text}"
        yield " ".join(shown.split())


def _keys(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys as they are written; pydantic adds the kind of a step behind its number."""
    keys = tuple(str(part) for part in location)
    return keys[:2] + keys[3:] if keys[:1] == ("timeline",) else keys


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())
