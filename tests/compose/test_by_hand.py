"""`docker compose up` by hand, with either Compose: the whole stack, and load from the web UI."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import docker
import msgspec
import pytest
from docker.models.containers import Container

from harness.history import AnyEvent, Generator, Invoke, decode
from harness.load import LoadConfig, check_journeys
from harness.scenario import Load
from harness.stack import read_stack

from .kit import eventually, is_compose

ROOT = Path(__file__).parents[2]
COMPOSES = [("docker", "compose"), ("docker-compose",)]


# ---- experiments/load.json -----------------------------------------------------------------------


def load_config() -> LoadConfig:
    return msgspec.json.decode((ROOT / "experiments" / "load.json").read_bytes(), type=LoadConfig)


def test_the_load_config_has_the_name_and_port_of_every_service() -> None:
    spec = read_stack(ROOT, os.environ)
    assert load_config().addresses == {
        name: f"{name}:{service.port}"
        for name, service in spec.services.items()
        if service.port is not None
    }


def test_the_load_config_has_arrivals() -> None:
    load = Load(journeys=load_config().journeys, duration=3600.0, params=load_config().params)
    assert check_journeys(load, ROOT, load_config().seed) > 100


# ---- the running stack ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Project:
    """The Compose project of this repository with its load profile, started without the harness."""

    engine: docker.DockerClient
    name: str
    url: str
    """Locust's web UI."""

    def containers(self) -> list[Container]:
        label = f"com.docker.compose.project={self.name}"
        return list(self.engine.containers.list(all=True, filters={"label": label}))

    def named(self, **state: list[str]) -> list[str]:
        """Return the names of the containers in any of these states, with one request."""
        filters = {"label": [f"com.docker.compose.project={self.name}"], **state}
        return [
            name
            for one in self.engine.api.containers(all=True, filters=filters)
            for name in one["Names"]
        ]

    def one(self, service: str) -> Container:
        return next(one for one in self.containers() if service_of(one) == service)


def service_of(container: Container) -> str:
    return str(container.labels["com.docker.compose.service"])


@pytest.fixture(params=COMPOSES, ids=["compose-2", "compose-1"])
def project(
    request: pytest.FixtureRequest,
    engine: docker.DockerClient,
    load_image: str,
    missing: Callable[[str], NoReturn],
) -> Iterator[Project]:
    """The whole stack with two load workers, started by each Compose."""
    assert load_image
    words: tuple[str, ...] = request.param
    if not is_compose(words):
        missing(f"{' '.join(words)} is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PACE": "120", "HARNESS_LOAD_PORT": str(port)}
    name = f"byhand{len(words)}x{os.getpid()}"

    def compose(*more: str) -> None:
        done = subprocess.run(
            [*words, "-p", name, "--profile", "load", *more], cwd=ROOT, env=environment,
            capture_output=True, text=True, check=False, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    try:
        compose("up", "-d", "--no-build", "--scale", "locust-worker=2")
        yield Project(engine, name, f"http://127.0.0.1:{port}")
    finally:
        compose("down", "--volumes", "--timeout", "1")


@pytest.mark.stack
@pytest.mark.timeout(300)
def test_the_whole_stack_runs_isolated_and_the_start_button_starts_users(
    project: Project,
) -> None:
    """All checks are in one test, because the stack takes longer to start than they take."""
    check_every_container_runs_and_is_healthy(project)
    check_ports_are_published_on_loopback_only(project)
    check_only_the_toxiproxy_connects_networks(project)
    check_services_run_unprivileged_and_without_build_tools(project)
    check_the_start_button_starts_users(project)


def check_every_container_runs_and_is_healthy(project: Project) -> None:
    spec = read_stack(ROOT, os.environ)

    eventually(lambda: not project.named(health=["starting", "unhealthy"]), limit=150)
    assert project.named(status=["created", "restarting", "exited", "dead"]) == []
    running = [service_of(one) for one in project.containers()]
    assert sorted(running) == sorted(
        [*spec.services, "toxiproxy", "locust-master", "locust-worker", "locust-worker"]
    )
    checked = {service_of(one) for one in project.containers() if one.attrs["State"].get("Health")}
    assert checked >= spec.services.keys()


def check_ports_are_published_on_loopback_only(project: Project) -> None:
    published = {
        service_of(one): {bound["HostIp"] for bound in bindings}
        for one in project.containers()
        for bindings in one.attrs["NetworkSettings"]["Ports"].values()
        if bindings
    }
    assert published == {"toxiproxy": {"127.0.0.1"}, "locust-master": {"127.0.0.1"}}


def check_only_the_toxiproxy_connects_networks(project: Project) -> None:
    """An airport reaches the data center via the Toxiproxy only."""
    spec = read_stack(ROOT, os.environ)
    places = {"datacenter": "datacenter", "public": "public"}
    for name, service in spec.services.items():
        networks = project.one(name).attrs["NetworkSettings"]["Networks"]
        assert list(networks) == [f"{project.name}_{places.get(service.site, 'airports')}"]
    everywhere = {f"{project.name}_{name}" for name in ("airports", "datacenter", "public")}
    assert project.one("toxiproxy").attrs["NetworkSettings"]["Networks"].keys() == everywhere
    internal = {
        network.name: network.attrs["Internal"]
        for network in project.engine.networks.list(names=list(everywhere))
    }
    assert internal == {name: name.endswith("_datacenter") for name in everywhere}


def check_services_run_unprivileged_and_without_build_tools(
    project: Project,
) -> None:
    border = project.one("border")
    output = border.exec_run(["id", "-u"]).output
    assert isinstance(output, bytes)
    assert output.strip() == b"1000"
    for tool in ("gcc", "cc", "make", "pip", "go"):
        script = f"import shutil, sys; sys.exit(shutil.which({tool!r}) is not None)"
        assert border.exec_run(["python", "-c", script]).exit_code == 0, tool
    for module in ("pip", "setuptools", "harness", "locust", "pytest"):
        script = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is not None)"
        assert border.exec_run(["python", "-c", script]).exit_code == 0, module


# ---- Locust's web UI -----------------------------------------------------------------------------


def check_the_start_button_starts_users(project: Project) -> None:
    eventually(lambda: has_workers(project.url))

    assert request_json(f"{project.url}/swarm", user_count="1", spawn_rate="1")["success"]

    def served() -> bool:
        rows = request_json(f"{project.url}/stats/requests")["stats"]
        return bool(sum(row["num_requests"] - row["num_failures"] for row in rows[:-1]) >= 50)

    eventually(served)
    assert refuses_origin(f"{project.url}/swarm", "http://evil.example")
    assert request_json(f"{project.url}/stop", now="1")["success"]

    recorded = recorded_events(project.one("locust-master"))
    invokes = [event for event in recorded if isinstance(event, Invoke)]
    assert {event.id.partition("-")[0] for event in invokes} == {"0", "1"}
    last = [e for e in recorded if isinstance(e, Generator) and e.state == "stopped"]
    assert sorted(event.worker for event in last) == ["0", "1"]  # stopped by the request above


def request_json(url: str, **form: str) -> Any:
    data = urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return json.loads(answer.read())


def has_workers(url: str) -> bool:
    """Return True if the web UI answers and has both workers."""
    try:
        return bool(request_json(f"{url}/stats/requests")["worker_count"] == 2)
    except OSError:
        return False


def refuses_origin(url: str, origin: str) -> bool:
    """Return True if the web UI refuses a request of a page from `origin`."""
    request = urllib.request.Request(url, b"user_count=1&spawn_rate=1", {"Origin": origin})
    try:
        urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        return bool(error.code == 403)
    return False


def recorded_events(master: Container) -> list[AnyEvent]:
    """Return the events that the master has recorded in its container."""
    code, output = master.exec_run(["sh", "-c", "cat /data/load-*/load-*.jsonl"])
    assert code == 0, output
    assert isinstance(output, bytes)
    return [decode(line) for line in output.splitlines()]
