"""The override of a Compose file, pausing, and the engine's events, with a fake engine."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
import urllib3
from docker.models.containers import Container

from harness.errors import StackError
from harness.history import Node
from harness.stack import Settings, read_stack
from harness.stack.compose import _addresses
from harness.stack.compose._containers import _pause_with_retries
from harness.stack.compose._events import Events
from harness.stack.compose._override import addresses_in, make_override
from harness.stack.compose._project import Project

TINY = Path(__file__).parents[1] / "stack" / "tiny"


def fake_engine(**more: Any) -> docker.DockerClient:
    """Return the client of an engine without networks and containers."""
    listing = SimpleNamespace(list=lambda **_: [])
    return cast(
        "docker.DockerClient", SimpleNamespace(networks=listing, containers=listing, **more)
    )


@pytest.fixture
def routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's routes in the format of /proc/net/route; only a default route."""
    file = tmp_path / "route"
    file.write_text("Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n")
    monkeypatch.setattr(_addresses, "_ROUTES", file)
    add_route(file, "0.0.0.0/0")
    return file


def add_route(file: Path, subnet: str) -> None:
    network = IPv4Network(subnet)
    words = (
        int.from_bytes(address.packed, "little")
        for address in (network.network_address, network.netmask)
    )
    destination, mask = (f"{word:08X}" for word in words)
    with file.open("a") as text:
        text.write(f"eth0 {destination} 00000000 0001 0 0 0 {mask} 0 0 0\n")


def override(tmp_path: Path, **services: dict[str, Any]) -> dict[str, Any]:
    return dict(override_of({"services": {"front": {}, **services}}, tmp_path)["services"])


def override_of(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    settings = Settings(epoch=0.0)
    project = Project.of("tiny", tmp_path)
    made = make_override(config, read_stack(TINY, os.environ), settings, project, fake_engine())
    assert addresses_in(made.text) == made.addresses
    return dict(json.loads(made.text))


# ---- addresses -----------------------------------------------------------------------------------


def test_subnets_overlap_neither_each_other_nor_the_machines_routes(routes: Path) -> None:
    add_route(routes, "10.128.0.0/10")
    found = _addresses.choose_subnets(fake_engine(), 50)
    assert len({*found}) == 50
    assert all(subnet.subnet_of(IPv4Network("10.192.0.0/10")) for subnet in found)


def test_a_vpn_over_all_of_10_leaves_other_private_subnets(routes: Path) -> None:
    add_route(routes, "10.0.0.0/8")
    (found,) = _addresses.choose_subnets(fake_engine(), 1)
    assert found.subnet_of(IPv4Network("172.16.0.0/12"))


def test_too_few_subnets_are_reported_with_the_cure(routes: Path) -> None:
    for pool in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"):
        add_route(routes, pool)
    wanted = "2 private subnets are needed, .* give the Compose file's networks an ipam:"
    with pytest.raises(StackError, match=wanted):
        _addresses.choose_subnets(fake_engine(), 2)


def test_a_network_with_a_subnet_in_the_file_keeps_it_and_gets_the_label(
    tmp_path: Path, routes: Path
) -> None:
    own = {"ipam": {"config": [{"subnet": "10.9.8.0/24"}]}}
    content = override_of(
        {
            "services": {
                "front": {"networks": dict.fromkeys(("own", "street", "theirs"))},
                "shelf": {"networks": {"own": {"ipv4_address": "10.9.8.2"}}},
            },
            "networks": {"own": own, "street": None, "theirs": {"external": True}},
        },
        tmp_path,
    )
    label = {"labels": {"org.outage-harness.state": str(tmp_path)}}
    assert content["networks"]["own"] == label
    assert content["networks"]["street"].keys() == {"ipam", "labels"}
    assert "theirs" not in content["networks"]
    front, shelf = (content["services"][name]["networks"] for name in ("front", "shelf"))
    assert front["own"] == {"ipv4_address": "10.9.8.3"}
    assert front["street"]
    assert front["theirs"] is None
    assert shelf["own"] == {"ipv4_address": "10.9.8.2"}


def test_a_network_that_is_too_small_is_reported(tmp_path: Path, routes: Path) -> None:
    own = {"ipam": {"config": [{"subnet": "10.9.8.0/30"}]}}
    services = {name: {"networks": ["own"]} for name in ("front", "shelf")}
    with pytest.raises(StackError, match=r"one of own \(10\.9\.8\.0/30\) is too small for its"):
        override_of({"services": services, "networks": {"own": own}}, tmp_path)


# ---- services ------------------------------------------------------------------------------------


def test_a_container_name_in_the_file_is_replaced_by_one_of_the_run(
    tmp_path: Path, routes: Path
) -> None:
    services = override(tmp_path, front={"container_name": "front"})
    name = services["front"]["container_name"]
    assert name == f"{Project.of('tiny', tmp_path).name}-front"


def test_health_checks_of_the_file_and_of_the_image_are_off(tmp_path: Path, routes: Path) -> None:
    check = {"test": ["CMD", "check"], "interval": "1s"}
    services = override(tmp_path, front={"healthcheck": check}, shelf={})
    assert services["front"]["healthcheck"]["interval"] == "24h"
    assert services["shelf"]["healthcheck"] == {"disable": True}


def test_logs_are_kept_even_if_the_file_disables_logging(tmp_path: Path, routes: Path) -> None:
    services = override(
        tmp_path, front={"logging": {"driver": "none"}}, shelf={"logging": {"driver": "local"}}
    )
    assert services["front"]["logging"] == {"driver": "json-file"}
    assert "logging" not in services["shelf"]


# ---- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "why", "paused"),
    [
        (0, "", True),
        (4, "OCI runtime pause failed: unable to freeze: unknown", True),
        (5, "OCI runtime pause failed: unable to freeze: unknown", False),
        (1, "Container is already paused", False),
    ],
)
def test_pausing_is_tried_again_if_the_kernel_cannot_freeze_the_container(
    failures: int, why: str, paused: bool
) -> None:
    answers = [docker.errors.APIError("500", explanation=why)] * failures + [None]

    def pause() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    container = cast("Container", SimpleNamespace(pause=pause))
    with contextlib.nullcontext() if paused else pytest.raises(docker.errors.APIError, match=why):
        _pause_with_retries(container)


# ---- events --------------------------------------------------------------------------------------


def test_a_broken_event_stream_is_reported_as_the_exit_of_every_container(tmp_path: Path) -> None:
    """A killed engine does not finish its response, for which urllib3 raises its own errors."""
    reported: list[Node] = []

    def stream() -> Iterator[dict[str, Any]]:
        attributes = {"com.docker.compose.service": "front"}
        yield {"Type": "container", "Action": "start", "Actor": {"Attributes": attributes}}
        raise urllib3.exceptions.ProtocolError("Connection broken: IncompleteRead")

    engine = fake_engine(api=SimpleNamespace(events=lambda **_: stream()))
    events = Events(
        engine, Project.of("tiny", tmp_path), nodes=reported.append, log_tail=lambda _: ""
    )
    events.start()
    deadline = time.monotonic() + 10
    while len(reported) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    events.close()

    assert [(node.state, node.planned) for node in reported] == [
        ("started", True),
        ("exited", False),
    ]
    assert reported[-1].detail == "the Docker engine has ended"
    assert events.state("front") == "exited"
