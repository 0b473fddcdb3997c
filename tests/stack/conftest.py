"""Running stacks for the tests: `stack` for what every rung promises, `rig` for special ones."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stack_rig import TINY, Rig

from harness.stack import LocalStack, Stack, read_stack
from harness.stack.compose import ComposeStack


def _local(directory: Path, state_dir: Path) -> Stack:
    return LocalStack(read_stack(directory, os.environ), state_dir)


def _compose(directory: Path, state_dir: Path) -> Stack:
    return ComposeStack(read_stack(directory, os.environ), state_dir)


RUNGS: dict[str, Callable[[Path, Path], Stack]] = {"local": _local, "compose": _compose}
"""Every rung that must keep the contract; a new one is added here and nowhere else."""


@pytest.fixture(scope="module", params=list(RUNGS))
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """The tiny stack, running at pace 10; each test leaves it as it found it."""
    if request.param == "compose":
        request.getfixturevalue("engine")
    state_dir = tmp_path_factory.mktemp("state")
    rig = Rig(RUNGS[request.param](TINY, state_dir), state_dir)
    try:
        rig.start(pace=10, environment={"ticker": {"EXTRA": "from the settings"}})
        yield rig
    finally:
        rig.stack.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes local stacks that end with the test; not started."""
    made: list[Rig] = []

    def make(directory: Path = TINY, state_dir: Path | None = None, **options: Any) -> Rig:
        place = state_dir or tmp_path / f"state{len(made)}"
        one = Rig(LocalStack(read_stack(directory, os.environ), place, **options), place)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stack.close()
