"""The cut between the rooms: who may import whom, and what a service may not reach for.

What is imported only for a type checker counts, too. `harness` imports by the name of the package,
so that a reader of a file sees which rooms it needs.
"""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    path.name for path in (ROOT / "harness").iterdir() if (path / "__init__.py").is_file()
)
SERVICES = sorted((ROOT / "services").rglob("*.py"))

FROM_OUTSIDE = {"services/kit/_world.py", "services/kit/_clock.py"}
"""The files that read clock and ids from the operating system and pass them to all others."""

ON_THE_CLOCK_OF_THE_RUN = ("run", "live", "history", "checks", "report")
"""Rooms that get the time from the clock of the run (`harness.clock`), or from the history."""

WAITS = {"clock", "_clock", "timeline", "live_state"}
"""Objects whose `wait` may be called there: the clock, and objects that wait with the clock."""

MAY: dict[str, set[str]] = {
    "scenario": set(),
    "history": set(),
    "proxy": set(),
    "checks": {"scenario", "history"},
    "report": {"scenario", "history", "checks"},
    "load": {"scenario", "history"},
    "stack": {"scenario", "history", "load"},
    "chaos": {"scenario", "history", "stack"},
    "run": {"scenario", "history", "checks", "report", "load", "stack", "chaos"},
    "live": {"history", "stack", "chaos", "run"},
    "cli": {"proxy", "stack", "run"},
}
"""Room -> the rooms that it may import. Judging needs no room that runs anything, and the proxy is
a program of its own. A new or renamed room is added here."""


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the full name of everything that a file imports, and its line."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def room(name: str) -> str:
    """Return ROOM of `harness.ROOM...`; empty for every other name, such as `harness.errors`."""
    parts = name.split(".")
    return parts[1] if parts[0] == "harness" and parts[1:2] and parts[1] in ROOMS else ""


def needs(name: str) -> set[str]:
    """Return the other rooms that a room imports."""
    found = {room(i) for path in (ROOT / "harness" / name).rglob("*.py") for i, _ in imports(path)}
    return found - {"", name}


def test_harness_and_services_do_not_import_each_other() -> None:
    for here, others in (
        ("harness", ("services", "experiments", "tests")),
        ("services", ("harness",)),
    ):
        for path in (ROOT / here).rglob("*.py"):
            known = [name for name, _ in imports(path) if name.split(".")[0] in others]
            assert not known, path


def test_every_room_has_its_rule() -> None:
    assert sorted(MAY) == ROOMS


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_only_rooms_that_it_may_import(name: str) -> None:
    assert needs(name) <= MAY[name]


def test_the_imports_between_rooms_form_no_circle() -> None:
    TopologicalSorter({name: needs(name) for name in ROOMS}).prepare()


def test_a_room_is_imported_through_its_init() -> None:
    for path in (ROOT / "harness").rglob("*.py"):
        own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name, line in imports(path):
            inside = name.split(".")[2:3]
            hidden = room(name) not in ("", own) and inside and inside[0].startswith("_")
            assert not hidden, f"{path}:{line}: {name}"


def test_backends_do_not_import_each_other() -> None:
    """What both need is in the room around them."""
    stack = ROOT / "harness" / "stack"
    for here, other in (("local", "compose"), ("compose", "local")):
        for path in (stack / here).rglob("*.py"):
            known = [i for i, _ in imports(path) if i.startswith(f"harness.stack.{other}")]
            assert not known, path


@pytest.mark.parametrize("name", ON_THE_CLOCK_OF_THE_RUN)
def test_a_run_takes_the_time_from_its_clock_alone(name: str) -> None:
    for path in (ROOT / "harness" / name).rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert not [line for taken, line in imports(path) if taken.split(".")[0] == "time"], path
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"datetime.now", "datetime.utcnow", "date.today"}, path
        waits = {call.split(".")[-2] for call in calls if call.endswith(".wait")}
        assert waits <= WAITS, path


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_service_takes_clock_ids_and_state_from_outside(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)]
    if str(path.relative_to(ROOT)) in FROM_OUTSIDE:
        return
    taken = {name for name, _ in imports(path)}
    for module in ("time", "uuid", "random", "secrets", "threading", "concurrent"):
        assert not [name for name in taken if name.split(".")[0] == module], module
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"datetime.now", "datetime.utcnow", "date.today", "asyncio.to_thread"}
