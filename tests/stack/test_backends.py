"""The registry of backends: one package and one line for each, and no name of one anywhere else."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.chaos import FAULT_TYPES, Fault, check_backend
from harness.clock import Clock
from harness.errors import BackendError, UsageError
from harness.run import load_maker
from harness.stack import BACKENDS, backends_with, get_backend, owners

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "harness"
REGISTRY = HARNESS / "stack" / "_backends.py"


def test_every_package_with_a_backend_is_registered_under_its_name() -> None:
    packages = {path.parent.name for path in (HARNESS / "stack").glob("*/_backend.py")}
    assert packages == set(BACKENDS)
    assert {get_backend(name).name for name in BACKENDS} == packages


def test_the_default_is_the_first_backend() -> None:
    assert get_backend() is get_backend(BACKENDS[0])


def test_an_unknown_backend_is_a_usage_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=f"--on moon: is no backend; use {' or '.join(BACKENDS)}"):
        get_backend("moon")


def literals(path: Path) -> Iterator[str]:
    """The string literals in the code of a file, without docstrings."""
    tree = ast.parse(path.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_no_code_outside_the_backends_asks_for_one_by_its_name() -> None:
    own = [HARNESS / "stack" / name for name in BACKENDS]
    others = [
        path
        for path in HARNESS.rglob("*.py")
        if path != REGISTRY and not any(path.is_relative_to(folder) for folder in own)
    ]
    assert [path for path in others if set(BACKENDS) & set(literals(path))] == []


def test_asking_for_a_backend_imports_no_engine_and_no_database() -> None:
    program = (
        "import sys; from harness.stack import BACKENDS, get_backend\n"
        "[get_backend(name) for name in BACKENDS]\n"
        "sys.exit(', '.join({'docker', 'locust', 'gevent'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backend_brings_a_clock(name: str) -> None:
    clock: Clock = get_backend(name).make_clock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.001


def test_a_fault_type_exists_where_the_backend_has_what_it_requires() -> None:
    for type_name, fault_type in FAULT_TYPES.items():
        fault = Fault(fault_type.model_construct(), ("shop",), type_name)  # type: ignore[arg-type]
        for name in BACKENDS:
            if fault_type.requires <= get_backend(name).capabilities:
                check_backend([fault], get_backend(name))
            else:
                with pytest.raises(BackendError):
                    check_backend([fault], get_backend(name))


def test_workers_on_other_hosts_need_a_backend_that_they_can_reach() -> None:
    able = backends_with("remote_workers")
    for name in BACKENDS:
        if name in able:
            load_maker(get_backend(name), workers=0, remote_workers=1, announce=print)
        else:
            with pytest.raises(UsageError, match=f"--join 1: .*--on {able[0]}"):
                load_maker(get_backend(name), workers=0, remote_workers=1, announce=print)


def test_an_empty_directory_belongs_to_no_backend(tmp_path: Path) -> None:
    assert list(owners(tmp_path)) == []
