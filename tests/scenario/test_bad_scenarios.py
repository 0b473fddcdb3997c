"""Every error in a scenario file is reported on one line with place, key and cure."""

from pathlib import Path

import pytest
import yaml

from harness.errors import ExitCode, UsageError
from harness.scenario import load_scenario

GOOD: dict[str, object] = {
    "name": "good",
    "title": "A good one",
    "load": {"journeys": "journeys", "duration": "1h"},
    "timeline": [{"at": "10m", "fault": "cut", "on": {"link": "a-b"}, "for": "5m"}],
    "expect": ["quiesced"],
}
STEP = {"at": "10m", "fault": "cut", "on": {"link": "a-b"}}
CALL = {"at": "10m", "call": {"service": "a", "path": "/x"}}

BAD: list[tuple[dict[str, object], str, str]] = [
    ({"name": None}, "name", "must be text"),
    ({"name": "Has Spaces"}, "name", "lowercase letters, digits and _ only; it is 'Has Spaces'"),
    ({"title": 3}, "title", "must be text; put quotes around it; it is 3"),
    ({"nmae": "x"}, "nmae", "unknown key; did you mean name?"),
    ({"pace": 0}, "pace", "greater than 0"),
    ({"pace": -2}, "pace", "greater than 0"),
    ({"pace": "fast"}, "pace", "number"),
    ({"seed": 1.5}, "seed", "integer"),
    ({"origin": "yesterday"}, "origin", "datetime"),
    ({"origin": "2024-06-20T00:00:00"}, "", "offset from UTC"),
    ({"load": None}, "load", "must be a mapping"),
    ({"load": {"duration": "1h"}}, "load.journeys", "is missing"),
    ({"load": {"journeys": "j"}}, "load.duration", "is missing"),
    ({"load": {"journeys": "no-module", "duration": "1h"}}, "load.journeys", "a module name"),
    ({"load": {"journeys": "j", "duration": "soon"}}, "load.duration", "18s, 250ms, 1h30m"),
    ({"load": {"journeys": "j", "duration": "99999999h"}}, "load.duration", "a hundred years"),
    ({"load": {"journeys": "j", "duration": f"{'9' * 400}h"}}, "load.duration", "a hundred years"),
    ({"load": {"journeys": "j", "duration": -1}}, "load.duration", "greater than or equal to 0"),
    (
        {"load": {"journeys": "j", "duration": "1h", "users": 3}},
        "load.users",
        "unknown key; harness",
    ),
    ({"load": {"journeys": "j", "duraton": "1h"}}, "load.duraton", "did you mean duration?"),
    ({"timeline": {}}, "timeline", "must be a list; it is {}"),
    ({"timeline": [{**STEP, "on": {}}]}, "timeline.0.on", "exactly one of link"),
    ({"timeline": [{**STEP, "on": {"link": "a", "to": "b"}}]}, "timeline.0.on", "exactly one"),
    ({"timeline": [{**STEP, "on": {"node": "a"}}]}, "timeline.0.on.node", "unknown key"),
    ({"timeline": [{**STEP, "on": {"servce": "a"}}]}, "timeline.0.on.servce", "you mean service?"),
    ({"timeline": [{**STEP, "wiht": {}}]}, "timeline.0.wiht", "did you mean with?"),
    ({"timeline": [17]}, "timeline.0", "must be a mapping of keys to values; it is 17"),
    ({"timeline": [{**STEP, "after": "x"}]}, "timeline.0", "exactly one of at, after, when"),
    ({"timeline": [{"fault": "cut", "on": {"link": "a"}}]}, "timeline.0", "exactly one of at"),
    ({"timeline": [{**STEP, "for": "0s"}]}, "timeline.0.for", "greater than 0"),
    ({"timeline": [{**STEP, "flap": {"on": "1s"}}]}, "timeline.0.flap.off", "is missing"),
    ({"timeline": [{**STEP, "with": 3}]}, "timeline.0.with", "must be a mapping"),
    ({"timeline": [{**STEP, "at": "ten"}]}, "timeline.0.at", "duration"),
    ({"timeline": [{"at": "1s"}]}, "timeline.0.fault", "is missing"),
    ({"timeline": [{"at": "1s", "fault": "cut"}]}, "timeline.0.on", "is missing"),
    ({"timeline": [{"after": "x", "fault": "cut", "on": {"link": "a"}}]}, "", "no step is called"),
    (
        {"timeline": [{"name": "s", "after": "s", "fault": "cut", "on": {"link": "a"}}]},
        "",
        "wait for each other: s -> s",
    ),
    (
        {
            "timeline": [
                {"name": "a", "after": "b", "fault": "cut", "on": {"link": "x"}},
                {"name": "b", "after": "a", "fault": "cut", "on": {"link": "x"}},
            ]
        },
        "",
        "steps wait for each other",
    ),
    (
        {
            "timeline": [
                {"when": {"event": "ok", "within": "1h"}, "fault": "cut", "on": {"to": "x"}}
            ]
        },
        "timeline.0.when",
        "a trigger waits for events of services and faults",
    ),
    ({"timeline": [{**STEP, "at": "9h"}]}, "", "starts after the end of load and settle"),
    ({"timeline": [STEP, STEP]}, "", "two steps are called"),
    ({"timeline": [{**CALL, "call": {"service": "a"}}]}, "timeline.0.call.path", "is missing"),
    (
        {"timeline": [{**CALL, "call": {"service": "a", "path": "x"}}]},
        "timeline.0.call.path",
        "a path that begins with /; it is 'x'",
    ),
    (
        {"timeline": [{**CALL, "call": {"service": "a", "path": "/", "method": "SEND"}}]},
        "timeline.0.call.method",
        "'GET'",
    ),
    (
        {"timeline": [{"when": {"event": "mode"}, "fault": "cut", "on": {"link": "a"}}]},
        "timeline.0.when.within",
        "is missing",
    ),
    ({"expect": []}, "expect", "at least 1"),
    ({"expect": "quiesced"}, "expect", "must be a list"),
    ({"expect": ["quiesced", "quiesced"]}, "", "give each a name of its own"),
    ({"expect": [{"check": "a", "parms": {}}]}, "expect.0.parms", "did you mean params?"),
    ({"expect": [{"notices": 6}]}, "expect.0.params", "must be a mapping"),
    ({"overrides": {"a": {"app": 3}}}, "overrides.a.app", "must be text"),
    ({"overrides": {"a": {"environmnt": {}}}}, "overrides.a.environmnt", "mean environment?"),
]


@pytest.mark.parametrize(("change", "key", "cure"), BAD, ids=[f"{n}" for n in range(len(BAD))])
def test_a_bad_scenario_is_reported_on_one_line_with_place_and_cure(
    tmp_path: Path, change: dict[str, object], key: str, cure: str
) -> None:
    path = tmp_path / "bad.scenario.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **change}))
    with pytest.raises(UsageError) as caught:
        load_scenario(path)
    assert caught.value.exit_code is ExitCode.USAGE
    line = next(p for p in caught.value.problems if f"{path}: {key}" in p and cure in p)
    assert "\n" not in line


BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}}}\n" for n in range(1, 60)
)

FILES = [
    ("x.scenario.yaml", "a: [", "is not YAML"),
    ("x.scenario.yaml", "a: 1\nb: 2\na: 3", ":3: is not YAML: key 'a' is used twice"),
    (
        "x.scenario.yaml",
        "a: 1\norigin: 2024-13-45",
        ":2: 2024-13-45 is not a possible",
    ),
    ("x.scenario.yaml", f"seed: {'7' * 5000}", f":1: {'7' * 30}... is not a possible"),
    ("x.scenario.yaml", f"seed: 0x{'7' * 5000}", "the number is too large"),
    ("x.scenario.yaml", "a: " + "[" * 5000, "is nested in more than 100 levels"),
    ("x.scenario.yaml", "{a: " * 5000, "is nested in more than 100 levels"),
    ("x.scenario.yaml", "- " * 5000 + "x", "is nested in more than 100 levels"),
    ("x.scenario.yaml", BOMB, "aliases stand for more than 100000 values"),
    ("x.scenario.yaml", "- a", "must be a mapping"),
    ("x.scenario.yaml", "", "must be a mapping"),
    ("x.yaml", "a: 1", "ends in .scenario.yaml"),
    ("x.scenario.py", "scenario = 3", "must define `scenario = Scenario(...)`"),
    ("x.scenario.py", "raise RuntimeError('no')", "raised RuntimeError: no"),
    ("x.scenario.py", "raise RuntimeError('no\\nno')", "raised RuntimeError: no no"),
    ("x.scenario.py", "import sys; sys.exit(0)", "raised SystemExit: 0"),
    ("x.scenario.py", "open('/nonexistent/x')", "raised FileNotFoundError"),
    ("x.scenario.py", "def (", "raised SyntaxError"),
    ("x.scenario.py", "from harness.scenario import Scenario\nScenario(name='x')", "is missing"),
]


@pytest.mark.parametrize(("name", "text", "cure"), FILES)
def test_a_file_without_a_scenario_is_reported_on_one_line(
    tmp_path: Path, name: str, text: str, cure: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match="scenario") as caught:
        load_scenario(path)
    assert any(str(path) in p and cure in p and "\n" not in p for p in caught.value.problems)


def test_a_missing_file_is_reported_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_scenario(tmp_path / "none.scenario.yaml")


def test_a_file_that_is_not_utf8_is_reported_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.scenario.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        load_scenario(path)
