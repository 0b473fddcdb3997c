"""What the harness adds to the user's Compose file, as a file of the same kind.

The run's clock and each service's own variables, labels by which everything is found again,
addresses that last, no restart policy (a killed service must stay down) and no health check: the
harness asks from outside, and fourteen checks that each start a Python cost half a core.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import Any, TypeAlias

import docker

from harness.errors import StackError

from .._protocol import Settings
from .._spec import AppRun, StackSpec
from ._addresses import choose_subnets, place
from ._disks import held_volumes, limited_volumes
from ._images import default_profile, image_of
from ._project import Project

_INSIDE = "/stack"
"""Where the stack's directory is mounted for a service that runs another app."""

_NO_HEALTH_CHECK = {"test": ["CMD", "true"], "interval": "24h", "timeout": "1s", "retries": 1}
"""Compose 1.29 takes no `NONE` beside a file's own interval; so the first check is a day away."""

_DIALS = {"net.ipv4.tcp_syn_retries": "1"}
"""The Toxiproxy takes one connection of a link at a time and sets no limit to a dial. To an address
that is gone it would take two minutes each; so the kernel gives up after three seconds."""

Addresses: TypeAlias = Mapping[str, Mapping[str, str]]
"""Service -> network, as in the Compose file -> address."""


@dataclass(frozen=True)
class Override:
    """The added file, and the addresses that it gives."""

    text: str
    addresses: Addresses


def make_override(
    config: Mapping[str, Any],
    spec: StackSpec,
    settings: Settings,
    project: Project,
    client: docker.DockerClient,
) -> Override:
    """What is added to a project that Compose reads as `config`.

    Raises:
        StackError: a service should run another app and names none in its command, or there is
            no room for its networks.
    """
    services = default_profile(config)
    networks = {name: _networks(body) for name, body in services.items()}
    ours = _own_networks(config, networks)
    planned = {name: subnet for name, body in ours.items() if (subnet := _subnet(body))}
    unplanned = [name for name in ours if name not in planned]
    subnets = dict(zip(unplanned, choose_subnets(client, len(unplanned)), strict=True))
    addresses = place(subnets | planned, networks)
    limited = limited_volumes(spec)
    content: dict[str, Any] = {
        "services": {
            name: _service(
                name=name,
                body=body,
                spec=spec,
                settings=settings,
                project=project,
                addresses=addresses[name],
                networks=tuple(networks[name]),
            )
            for name, body in services.items()
        },
        "networks": {name: _network(subnets.get(name), project) for name in ours},
        "volumes": {
            name: {"labels": dict(project.labels), **limited.get(name, {})}
            for name, body in (config.get("volumes") or {}).items()
            if not (body or {}).get("external")
        },
    }
    text = json.dumps({key: value for key, value in content.items() if value}, indent=1)
    return Override(text + "\n", addresses)


def addresses_in(text: str) -> Addresses:
    """The addresses that an override of this backend gives.

    Raises:
        ValueError: `text` is none.
    """
    services = json.loads(text)["services"]
    return {
        name: {
            network: given["ipv4_address"]
            for network, given in (body.get("networks") or {}).items()
            if given
        }
        for name, body in services.items()
    }


def _own_networks(
    config: Mapping[str, Any], networks: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, Any]]:
    """The networks that Compose makes for the project, as they are declared."""
    declared = config.get("networks") or {}
    used = dict.fromkeys(name for names in networks.values() for name in names)
    bodies = {name: declared.get(name) or {} for name in used}
    return {name: body for name, body in bodies.items() if not body.get("external")}


def _subnet(body: Mapping[str, Any]) -> IPv4Network | None:
    """The subnet that the Compose file gives a network, if it does."""
    configs = (body.get("ipam") or {}).get("config") or ()
    written = (str(one.get("subnet") or "") for one in configs)
    return next((IPv4Network(subnet, strict=False) for subnet in written if "." in subnet), None)


def _networks(body: Mapping[str, Any]) -> dict[str, str]:
    """The networks of a service, and the address that the Compose file gives it there."""
    if body.get("network_mode"):
        return {}
    joined = body.get("networks") or ("default",)
    if not isinstance(joined, Mapping):
        return dict.fromkeys(joined, "")
    return {name: (how or {}).get("ipv4_address", "") for name, how in joined.items()}


def _network(subnet: IPv4Network | None, project: Project) -> dict[str, Any]:
    """With its label, and a subnet unless the Compose file gives it one."""
    labels = {"labels": dict(project.labels)}
    return labels if subnet is None else {"ipam": {"config": [{"subnet": str(subnet)}]}, **labels}


def _service(
    *,
    name: str,
    body: Mapping[str, Any],
    spec: StackSpec,
    settings: Settings,
    project: Project,
    addresses: Mapping[str, str],
    networks: tuple[str, ...],
) -> dict[str, Any]:
    added: dict[str, Any] = {"labels": dict(project.labels), "restart": "no"}
    if not body.get("image"):
        added["image"] = image_of(name, body, spec)
    if body.get("container_name"):  # of which the engine takes one: runs may go side by side
        added["container_name"] = f"{project.name}-{name}"
    if (body.get("logging") or {}).get("driver") == "none":  # what is said is evidence
        added["logging"] = {"driver": "json-file"}
    # Its image may have a check even if the file has none.
    added["healthcheck"] = dict(_NO_HEALTH_CHECK) if body.get("healthcheck") else {"disable": True}
    if networks:
        added["networks"] = {
            network: {"ipv4_address": addresses[network]} if network in addresses else None
            for network in networks
        }
        if name == spec.toxiproxy:
            added["sysctls"] = dict(_DIALS)
    if name == spec.toxiproxy and held_volumes(spec):
        added["volumes"] = held_volumes(spec)
    if name in spec.services:
        own = dict((settings.environment or {}).get(name, {}))
        added["environment"] = {
            key: _plain(value) for key, value in (_clock(settings) | own).items()
        }
        other = (settings.apps or {}).get(name)
        if other is not None:
            added |= _other_app(name, body, spec, other)
            added["environment"]["PYTHONPATH"] = _INSIDE
    return added


def _clock(settings: Settings) -> dict[str, str]:
    assert settings.epoch is not None
    origin = settings.origin or datetime.fromtimestamp(settings.epoch, UTC)
    return {
        "PACE": repr(float(settings.pace)),
        "CLOCK_EPOCH": repr(settings.epoch),
        "CLOCK_ORIGIN": origin.isoformat(),
    }


def _other_app(name: str, body: Mapping[str, Any], spec: StackSpec, other: str) -> dict[str, Any]:
    """Another ASGI factory in the command, and the folder from which it is imported."""
    run, command = spec.services[name].run, body.get("command")
    if not isinstance(run, AppRun) or not isinstance(command, list) or run.factory not in command:
        wanted = run.factory if isinstance(run, AppRun) else "an app"
        raise StackError(
            f"{name}: cannot run {other} instead: its command does not name {wanted} as a word"
        )
    return {
        "command": [other if word == run.factory else word for word in command],
        "volumes": [f"{spec.directory}:{_INSIDE}:ro"],
        "user": "0:0",  # the folder may be nobody else's to read
    }


def _plain(value: str) -> str:
    return value.replace("$", "$$")
