"""What can be wrong with a journeys module: one line, with the place and the cure."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.load import check_journeys, draw_arrivals, load_journeys, share
from harness.scenario import Load

GOOD = """
from harness.load import Arrival, Request

def arrivals(params, random, duration):
    for n in range(10):
        yield Arrival(n * duration / 10, "one", f"{random.random()}")

def one(actor):
    yield Request("op", "service", "GET", "/")

JOURNEYS = {"one": one}
"""

WRONG = [
    ("", ["define `arrivals(params, random, duration)`", 'define `JOURNEYS = {"name": function}`']),
    (GOOD.replace("JOURNEYS =", "JOURNEY ="), ['define `JOURNEYS = {"name": function}`']),
    (GOOD.replace(": one}", ': "one"}'), ['define `JOURNEYS = {"name": function}`']),
    (GOOD.replace("def arrivals", "def arrival"), ["define `arrivals(params, random, duration)`"]),
    ("import nothing_of_that_name", ["raised ModuleNotFoundError: No module named 'nothing_of"]),
    ("oops", ["raised NameError: name 'oops' is not defined"]),
    ("def", ["raised SyntaxError: "]),
    (GOOD.replace("n * duration", "-n * duration"), ["number 2 is at -1.0, outside of the load's"]),
    (GOOD.replace("n * duration", "9 * n * duration"), ["is at 18.0, outside of the load's 0 to"]),
    (GOOD.replace("n * duration / 10", "float('nan')"), ["number 1 is at nan, outside of the"]),
    (
        GOOD.replace("n * dur", "(9 - n) * dur"),
        ["number 2 is at 8.0, before the one yielded befor"],
    ),
    (GOOD.replace('10, "one"', '10, "two"'), ["number 1 begins 'two', which JOURNEYS does not n"]),
    (GOOD.replace("def one(actor)", "def one()"), ["does not fit the journey 'one': got an unex"]),
    (GOOD.replace("one(actor)", "one(actor, x)"), ["the journey 'one': missing a required argum"]),
    (GOOD.replace("yield Arrival(", "yield ("), ["number 1 is a tuple; yield harness.load.Arriva"]),
    (GOOD.replace("for n in", "for n in params['n'] +"), ["arrivals raised KeyError: 'n'"]),
]

NAMES = iter(range(1000))


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def written(directory: Path, text: str) -> Load:
    """A load whose journeys are `text`; each module has a name of its own."""
    name = f"journeys_{next(NAMES)}"
    (directory / f"{name}.py").write_text(text)
    return Load(journeys=name, duration=10.0)


@pytest.mark.parametrize(("text", "problems"), WRONG)
def test_wrong(text: str, problems: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        check_journeys(written(tmp_path, text), tmp_path)
    assert len(caught.value.problems) == len(problems)
    for problem, expected in zip(caught.value.problems, problems, strict=True):
        assert expected in problem
        assert "journeys" in problem
        assert "\n" not in problem


def test_the_message_about_a_missing_module_names_the_file_to_write(tmp_path: Path) -> None:
    load = Load(journeys="nowhere.journeys", duration=10.0)
    with pytest.raises(UsageError, match=f"no module nowhere.journeys; write {tmp_path}/nowhere/j"):
        check_journeys(load, tmp_path)


def test_parameters_that_pydantic_refuses_are_one_line_each(tmp_path: Path) -> None:
    text = "from harness.scenario import Load\n" + GOOD.replace(
        "    for n in", "    Load.model_validate(params)\n    for n in"
    )
    load = written(tmp_path, text).model_copy(update={"params": {"journeys": "9", "x": 1}})
    with pytest.raises(UsageError) as caught:
        check_journeys(load, tmp_path)
    assert len(caught.value.problems) == 3
    assert all(problem.startswith("load.params: ") for problem in caught.value.problems)


def test_modules_of_the_same_name_in_two_stacks_are_distinguished(tmp_path: Path) -> None:
    for stack in ("one", "two"):
        (tmp_path / stack).mkdir()
        (tmp_path / stack / "same_name.py").write_text(GOOD)
    load_journeys("same_name", tmp_path / "one")
    load_journeys("same_name", tmp_path / "one")
    with pytest.raises(UsageError, match=r"already imported from .*one/same_name\.py; rename"):
        load_journeys("same_name", tmp_path / "two")


def test_a_seed_gives_the_same_arrivals(tmp_path: Path) -> None:
    load = written(tmp_path, GOOD)
    assert check_journeys(load, tmp_path) == 10
    journeys = load_journeys(load.journeys, tmp_path)
    assert draw_arrivals(journeys, {}, 7, 10.0) == draw_arrivals(journeys, {}, 7, 10.0)
    assert draw_arrivals(journeys, {}, 7, 10.0) != draw_arrivals(journeys, {}, 8, 10.0)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_have_each_arrival_once(workers: int, tmp_path: Path) -> None:
    load = written(tmp_path, GOOD)
    arrivals = draw_arrivals(load_journeys(load.journeys, tmp_path), {}, 0, 10.0)
    shares = [list(share(arrivals, n, workers)) for n in range(workers)]
    assert sorted((a for one in shares for a in one), key=lambda a: a.at) == arrivals


def test_importing_the_room_patches_nothing() -> None:
    program = "import sys, harness.load; print(sorted({'gevent', 'locust'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
