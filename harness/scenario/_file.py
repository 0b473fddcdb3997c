"""Scenarios on disk: `NAME.scenario.yaml`, or `NAME.scenario.py` that defines `scenario`."""

import runpy
from pathlib import Path

import yaml
from pydantic import ValidationError

from harness.errors import UsageError

from ._bounded_yaml import RefusedError
from ._problems import one_line_problems
from ._scenario import Scenario
from ._yaml import load_yaml

SUFFIXES = (".scenario.yaml", ".scenario.py")


def find_scenarios(directory: Path) -> dict[str, Path]:
    """Return the scenario files of `directory` by scenario name, in alphabetical order."""
    found = (path for suffix in SUFFIXES for path in directory.glob(f"*{suffix}"))
    return {path.name.partition(".")[0]: path for path in sorted(found)}


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in the file `path`.

    Raises:
        UsageError: the file cannot be read, is malformed or inconsistent; one line per problem,
            with file, key and cure.
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
    except RefusedError as error:
        raise UsageError(f"{path}{_line_text(error)}: {_problem_text(error)}") from error
    except yaml.YAMLError as error:
        raise UsageError(
            f"{path}{_line_text(error)}: is not YAML: {_problem_text(error)}"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: must be a mapping with name, title, load, timeline, expect")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        raise UsageError(list(one_line_problems(str(path), error, Scenario))) from error


def _from_python(path: Path) -> Scenario:
    path.read_bytes()  # checked first: an OSError raised below comes from the code in the file
    try:
        value = runpy.run_path(str(path)).get("scenario")
    except ValidationError as error:
        raise UsageError(list(one_line_problems(str(path), error, Scenario))) from error
    # The file is the user's program: whatever it raises is the user's error, and its sys.exit must
    # not end the harness.
    except (Exception, SystemExit) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{path}: raised {text}") from error
    if not isinstance(value, Scenario):
        raise UsageError(f"{path}: must define `scenario = Scenario(...)`")
    return value


def _line_text(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem_text(error: yaml.YAMLError) -> str:
    return " ".join(str(getattr(error, "problem", None) or error).split())
