"""Fixtures: `stack` is the tiny stack on each backend, `rig` makes local stacks."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stack_rig import TINY, Rig

from harness.stack import BACKENDS, get_backend, read_stack
from harness.stack.local import LocalStack


@pytest.fixture(scope="module", params=BACKENDS)
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """The tiny stack, running at pace 10. Each test must restore what it changes."""
    if request.param == "compose":
        request.getfixturevalue("engine")
    state_dir = tmp_path_factory.mktemp("state")
    spec = read_stack(TINY, os.environ)
    rig = Rig(get_backend(request.param).make_stack(spec, state_dir), state_dir)
    try:
        rig.start(pace=10, environment={"ticker": {"EXTRA": "from the settings"}})
        yield rig
    finally:
        rig.stack.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Return a function that makes local stacks, not started; they are closed after the test."""
    made: list[Rig] = []

    def make(directory: Path = TINY, state_dir: Path | None = None, **options: Any) -> Rig:
        place = state_dir or tmp_path / f"state{len(made)}"
        one = Rig(LocalStack(read_stack(directory, os.environ), place, **options), place)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stack.close()
