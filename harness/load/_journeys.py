"""Import a journeys module and find its mistakes before the load starts."""

import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, cast

from pydantic import ValidationError

from harness.errors import UsageError
from harness.scenario import Load, one_line_problems

from ._contract import Arrival, Journey, Journeys


def load_journeys(name: str, directory: Path) -> Journeys:
    """Import the journeys module `name`, which is searched in `directory` first.

    Raises:
        UsageError: there is none, it cannot be imported, or it lacks a name that it must define.
    """
    module = _import(name, directory)
    place = getattr(module, "__file__", None) or name
    problems = []
    if not callable(getattr(module, "arrivals", None)):
        problems.append(f"{place}: define `arrivals(params, random, duration)`")
    journeys = getattr(module, "JOURNEYS", None)
    if not isinstance(journeys, Mapping) or not all(callable(j) for j in journeys.values()):
        problems.append(f'{place}: define `JOURNEYS = {{"name": function}}`')
    if problems:
        raise UsageError(problems)
    return cast("Journeys", module)


def draw_arrivals(
    journeys: Journeys, params: Mapping[str, Any], seed: int, duration: float
) -> list[Arrival]:
    """OpenLoadUser who arrives, the same for the same seed whatever the process or worker.

    Raises:
        UsageError: `params` are not understood, or an arrival is not one, is out of order,
            outside of `duration`, or does not fit its journey.
    """
    place = str(getattr(journeys, "__file__", None) or getattr(journeys, "__name__", "journeys"))
    drawn: list[Arrival] = []
    for arrival in _checked_arrivals(journeys, place, params, seed, duration):
        problem = _problem(arrival, drawn, journeys.JOURNEYS, duration)
        if problem:
            raise UsageError(f"{place}: arrivals: number {len(drawn) + 1} {problem}")
        drawn.append(arrival)
    return drawn


def share(arrivals: list[Arrival], index: int, count: int) -> Iterator[Arrival]:
    """Return the arrivals of worker `index` of `count`; each arrival belongs to one worker."""
    return (arrival for n, arrival in enumerate(arrivals) if n % count == index)


def check_journeys(load: Load, directory: Path, seed: int = 0) -> int:
    """Check the `load` of a scenario as far as possible without sending requests.

    Returns:
        The number of arrivals.

    Raises:
        UsageError: see `load_journeys` and `draw_arrivals`.
    """
    journeys = load_journeys(load.journeys, directory)
    return len(draw_arrivals(journeys, load.params, seed, load.duration))


def _checked_arrivals(
    journeys: Journeys, place: str, params: Mapping[str, Any], seed: int, duration: float
) -> Iterator[Arrival]:
    try:
        # Seeded with an int: the hash of a str differs between processes.
        yield from journeys.arrivals(dict(params), Random(seed), duration)  # noqa: S311
    except ValidationError as error:
        raise UsageError(list(one_line_problems("load.params", error))) from error
    except ValueError as error:
        raise UsageError(f"load.params: {error}") from error
    except Exception as error:  # the module is user code and may raise anything
        raise UsageError(f"{place}: arrivals raised {_error_text(error)}") from error


def _import(name: str, directory: Path) -> ModuleType:
    directory = directory.resolve()
    _put_first_on_path(directory)
    known = sys.modules.get(name.partition(".")[0])
    if known is not None and _is_shadowed(known, name, directory):
        raise UsageError(
            f"load.journeys: {name}: another module of that name is already imported from "
            f"{getattr(known, '__file__', None) or 'another place'}; rename the one in {directory}"
        )
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name + ".").startswith(error.name + "."):
            expected = directory.joinpath(*name.split(".")).with_suffix(".py")
            raise UsageError(
                f"load.journeys: there is no module {name}; write {expected}"
            ) from error
        raise UsageError(f"load.journeys: importing {name} raised {_error_text(error)}") from error
    except SystemExit as error:  # the module is also a script
        problem = "ended the program when it was imported; guard that code by __name__"
        raise UsageError(f"load.journeys: {name} {problem} ({error})") from error
    except Exception as error:  # the module is user code and may raise anything
        raise UsageError(f"load.journeys: importing {name} raised {_error_text(error)}") from error


def _put_first_on_path(directory: Path) -> None:
    """Put `directory` first on `sys.path`, also for what the module imports later."""
    entry = str(directory)
    if entry in sys.path:
        sys.path.remove(entry)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()


def _is_shadowed(known: ModuleType, name: str, directory: Path) -> bool:
    """Return True if `directory` has the module, but another one was imported under its name."""
    base = directory / name.partition(".")[0]
    if not (base.is_dir() or base.with_suffix(".py").is_file()):
        return False
    places = [getattr(known, "__file__", None) or "", *getattr(known, "__path__", ())]
    return not any(Path(place).is_relative_to(directory) for place in places if place)


def _problem(
    arrival: object,
    before: list[Arrival],
    journeys: Mapping[str, Callable[..., Journey]],
    duration: float,
) -> str:
    if not isinstance(arrival, Arrival):
        return f"is a {type(arrival).__name__}; yield harness.load.Arrival"
    if not math.isfinite(arrival.at) or not 0 <= arrival.at <= duration:
        return f"is at {arrival.at}, outside of the load's 0 to {duration} seconds"
    if before and arrival.at < before[-1].at:
        return f"is at {arrival.at}, before the one yielded before it; yield them in their order"
    if arrival.journey not in journeys:
        return f"begins {arrival.journey!r}, which JOURNEYS does not name"
    return _mismatch(journeys[arrival.journey], arrival)


def _mismatch(journey: Callable[..., Journey], arrival: Arrival) -> str:
    try:
        inspect.signature(journey).bind(actor=arrival.actor, **arrival.args)
    except TypeError as error:
        return f"does not fit the journey {arrival.journey!r}: {error}"
    return ""


def _error_text(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
