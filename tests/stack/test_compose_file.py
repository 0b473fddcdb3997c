"""Reading valid stack files, in each of the forms that Compose accepts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.stack import (
    AppRun,
    CommandRun,
    Link,
    PostgresRun,
    Service,
    StackSpec,
    read_stack,
    spec_from_json,
    spec_to_json,
)

TINY = Path(__file__).parent / "tiny"


def read(
    directory: Path, service: Mapping[str, Any], shell: Mapping[str, str] | None = None
) -> Service:
    """Write a stack with one service, as JSON, which is valid YAML; return that service as read."""
    block = {"site": "here", "command": ["run"]}
    file = {
        "services": {"toxiproxy": {}, "one": {"x-harness": block, **service}},
        "x-harness": {},
        "volumes": {"data": None},
        "networks": {"a": None, "b": None},
    }
    (directory / "docker-compose.yml").write_text(json.dumps(file))
    return read_stack(directory, shell or {}).services["one"]


def test_reads_a_whole_stack() -> None:
    spec = read_stack(TINY, {})

    assert list(spec.services) == ["front", "shelf", "database", "ticker"]
    assert spec.sites == ("street", "cellar")
    assert spec.services["front"].run == AppRun("front:app")
    assert spec.services["ticker"].run == CommandRun(("sh", "ticker.sh"))
    assert spec.services["database"].run == PostgresRun()
    assert spec.services["database"].port == 5432
    assert spec.services["front"].volumes == {"/data": "front-data"}
    assert spec.services["front"].stop_grace_period == 2.0
    assert spec.services["shelf"].depends_on == {"database": "service_healthy"}
    assert spec.links["front-shelf"] == Link("front-shelf", "front", "shelf", 21001)
    assert (spec.name, spec.directory, spec.toxiproxy) == ("tiny", TINY, "toxiproxy")
    assert spec.experiments == TINY / "scenarios"


def test_spec_json_round_trip() -> None:
    spec = read_stack(TINY, {})

    assert spec_from_json(spec_to_json(spec)) == spec


@pytest.mark.parametrize(
    "environment",
    [{"A": "x", "B": 1, "C": 1.5, "D": None, "E": None}, ["A=x", "B=1", "C=1.5", "D", "E"]],
)
def test_environment_is_a_map_or_a_list_and_names_without_value_come_from_the_shell(
    environment: Any, tmp_path: Path
) -> None:
    service = read(tmp_path, {"environment": environment}, {"D": "from the shell"})

    assert service.environment == {"A": "x", "B": "1", "C": "1.5", "D": "from the shell"}


def test_environment_overrides_env_file(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("# about\nexport A='a b'\nB=2 # two\n\nC=3\n")

    service = read(tmp_path, {"env_file": "one.env", "environment": {"C": "4"}})

    assert service.environment == {"A": "a b", "B": "2", "C": "4"}


def test_volumes_in_short_and_long_syntax(tmp_path: Path) -> None:
    service = read(
        tmp_path,
        {
            "volumes": [
                "data:/data:rw",
                "./conf:/etc/one:ro",
                "/scratch",
                {"type": "volume", "source": "data", "target": "/more"},
                {"type": "bind", "source": "./src", "target": "/src"},
                {"type": "tmpfs", "target": "/tmp"},
            ]
        },
    )

    assert service.volumes == {
        "/data": "data",
        "/more": "data",
        "/scratch": "one@scratch",
        "/tmp": "one@tmp",
    }
    assert service.binds == {"/etc/one": tmp_path / "conf", "/src": tmp_path / "src"}


def test_depends_on_is_a_list_or_a_map(tmp_path: Path) -> None:
    assert read(tmp_path, {"depends_on": ["toxiproxy"]}).depends_on == {
        "toxiproxy": "service_started"
    }
    healthy = {"toxiproxy": {"condition": "service_healthy"}}
    assert read(tmp_path, {"depends_on": healthy}).depends_on == {"toxiproxy": "service_healthy"}


def test_single_exposed_port_is_the_port(tmp_path: Path) -> None:
    assert read(tmp_path, {"expose": ["8000"]}).port == 8000
    assert read(tmp_path, {"expose": ["8000", "8001"]}).port is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h", 3600.0)]
)
def test_grace_period_is_a_compose_duration(text: str, seconds: float, tmp_path: Path) -> None:
    assert read(tmp_path, {"stop_grace_period": text}).stop_grace_period == seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$X", "x"),
        ("${X}y", "xy"),
        ("${X:-d}", "x"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${UNSET-d}", "d"),
        ("${UNSET:-${X}-${UNSET:-z}}", "x-z"),
        ("${X:+yes}${UNSET:+no}", "yes"),
        ("${EMPTY+yes}", "yes"),
        ("${X:?must be}", "x"),
        ("$$X and $${X}", "$X and ${X}"),
        ("postgresql://$X:${X}@toxiproxy", "postgresql://x:x@toxiproxy"),
    ],
)
def test_variables_are_interpolated_as_by_compose(text: str, value: str, tmp_path: Path) -> None:
    service = read(tmp_path, {"environment": {"V": text}}, {"X": "x", "EMPTY": ""})

    assert service.environment == {"V": value}


def test_dot_env_is_read_and_the_shell_overrides_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\n")

    service = read(tmp_path, {"environment": {"V": "$A $B"}}, {"B": "shell"})

    assert service.environment == {"V": "file shell"}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yaml"])
def test_other_names_of_the_file_are_found(name: str, tmp_path: Path) -> None:
    read(tmp_path, {})
    (tmp_path / "docker-compose.yml").rename(tmp_path / name)

    assert set(read_stack(tmp_path, {}).services) == {"one"}


def test_anchors_and_merge_keys_are_not_duplicates(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("""
x-harness: {}
x-env: &env {A: "1", B: "1"}
services:
  toxiproxy: {}
  one:
    environment: {<<: *env, B: "2"}
    x-harness: {site: here, command: [run]}
""")

    assert read_stack(tmp_path, {}).services["one"].environment == {"A": "1", "B": "2"}


def test_services_without_a_block_are_not_part_of_the_stack(tmp_path: Path) -> None:
    read(tmp_path, {"depends_on": ["toxiproxy"]})

    spec: StackSpec = read_stack(tmp_path, {"COMPOSE_PROJECT_NAME": "My Project"})

    assert set(spec.services) == {"one"}
    assert spec.name == "myproject"


@pytest.mark.parametrize(
    ("more", "networks"),
    [
        ({}, ("default",)),
        ({"networks": ["b", "a"]}, ("b", "a")),
        ({"networks": {"a": None, "b": {"aliases": ["c"]}}}, ("a", "b")),
        ({"network_mode": "host"}, ()),
    ],
)
def test_networks_as_list_as_mapping_and_by_default(
    tmp_path: Path, more: dict[str, object], networks: tuple[str, ...]
) -> None:
    assert read(tmp_path, more).networks == networks


def test_disk_size_is_read_in_bytes_and_is_optional(tmp_path: Path) -> None:
    assert read(tmp_path, {}).disk is None
    block = {"site": "s", "command": ["true"], "disk": "16MB"}
    assert read(tmp_path, {"volumes": ["data:/data"], "x-harness": block}).disk == 16 * 1024**2
