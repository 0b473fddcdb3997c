"""What the README shows is what the product does: its examples run as they are printed."""

import os
import re
import shlex
from pathlib import Path

import pytest
import typer

from harness.cli import app
from harness.run import prepare
from harness.stack import get_backend, read_stack

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(language: str) -> str:
    """The README's only block in `language`."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return str(found)


def commands() -> list[list[str]]:
    """Each `harness ...` of the README's shell blocks, as words."""
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE))
    lines = [part for line in shell.splitlines() for part in line.partition("#")[0].split("&&")]
    words = [shlex.split(line) for line in lines]
    return [word[1:] for word in words if word and word[0] == ".venv/bin/harness"]


@pytest.mark.stack
@pytest.mark.timeout(120)
def test_the_experiment_by_hand_runs_as_it_is_printed(pytester: pytest.Pytester) -> None:
    test = pytester.path / "test_by_hand.py"
    test.write_text(block("python"))
    (options,) = re.findall(r"`pytest (--harness-pace \d+) test_by_hand\.py`", README)
    done = pytester.runpytest_subprocess(f"--harness-stack={ROOT}", *options.split(), test)
    done.assert_outcomes(passed=1)


def test_the_scenario_fits_the_stack(tmp_path: Path) -> None:
    path = tmp_path / "one_airport_cut.scenario.yaml"
    path.write_text(block("yaml"))
    prepared = prepare(str(path), ROOT)
    assert list(prepared.faults) == ["airport_is_cut_off"]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_exists(words: list[str]) -> None:
    name, *rest = words
    with typer.main.get_group(app).commands[name].make_context(name, rest) as context:
        if name == "run":
            prepare(context.params["scenario"], ROOT, backend=get_backend(context.params["on"]))


def test_the_number_of_services_and_links_is_right() -> None:
    spec = read_stack(ROOT, os.environ)
    numbers = {16: "Sixteen"}
    assert f"**{numbers[len(spec.services)]} services** behind {len(spec.links)} links" in README
