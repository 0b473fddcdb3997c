"""The seed, the step's label and its occurrence decide every random draw of a run's faults."""

from pathlib import Path

import pytest

from harness.chaos import Chaos
from harness.stack.local._toxiproxy import toxiproxy_command

from .fake_stack import FakeStack

LABELS = ("first", "second", "first", "first", "second")


def draws(stack: FakeStack, directory: Path, seed: int) -> list[tuple[str, tuple[str, ...]]]:
    """Return, for each of some faults, the link to compare with and the names of its toxics."""
    found = []
    with Chaos(stack, directory, seed=seed) as chaos:
        fault = chaos.fault("delay", link="gate-visa", latency="10ms")
        fault.heal()
        for label in LABELS:
            with chaos.inject(fault.fault, label) as injection:
                assert injection.verified, injection.detail
                names = stack.toxics.toxics("gate-visa")
                found.append((injection.detail.rpartition("; ")[2], names))
    return found


def test_the_same_seed_gives_the_same_references_and_toxics(
    stack: FakeStack, tmp_path: Path
) -> None:
    first = draws(stack, tmp_path / "1", 7)
    assert draws(stack, tmp_path / "2", 7) == first
    references, toxics = zip(*first, strict=True)
    assert all(reference.endswith(" is as before") for reference in references)
    assert len(set(toxics)) == len(LABELS), "each occurrence has toxics of its own"
    assert [reference for reference, _ in draws(stack, tmp_path / "3", 8)] != list(references)


def test_draws_of_one_step_do_not_depend_on_other_steps(stack: FakeStack, tmp_path: Path) -> None:
    """The toxics' names show what the draws depend on."""
    names = []
    for number, others in enumerate([0, 3]):
        with Chaos(stack, tmp_path / str(number), seed=7) as chaos:
            for _ in range(others):
                chaos.cut("desk-gate").heal()
            chaos.fault("blackhole", link="gate-visa")
            names.append(stack.toxics.toxics("gate-visa"))
    assert names[0] == names[1] != ()


def test_the_embedded_server_is_given_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_TOXIPROXY", raising=False)
    monkeypatch.setenv("PATH", "")
    assert "--seed=-7" in toxiproxy_command(1, -7)


def test_a_real_toxiproxy_is_not_given_the_seed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "toxiproxy-server"
    program.touch(0o755)
    monkeypatch.setenv("HARNESS_TOXIPROXY", str(program))
    assert toxiproxy_command(1, 7) == (str(program), "-host", "127.0.0.1", "-port", "1")
