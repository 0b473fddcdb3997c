"""The override that the harness adds to the user's Compose file.

It sets the scenario clock, each service's own variables, the harness's labels and fixed addresses.
It removes restart policies, because a killed service must stay down, and health checks, because the
harness checks readiness from outside: fourteen checks that each start a Python cost half a core.
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
from ._addresses import assign_addresses, choose_subnets
from ._disks import kept_volumes, limited_volumes
from ._images import default_profile, image_of
from ._project import Project

_INSIDE = "/stack"
"""Where the stack's directory is mounted for a service that runs a replaced app."""

_NO_HEALTH_CHECK = {"test": ["CMD", "true"], "interval": "24h", "timeout": "1s", "retries": 1}
"""Compose 1.29 refuses `NONE` beside an interval in the file, so the first check is a day away."""

_DIAL_TIMEOUT = {"net.ipv4.tcp_syn_retries": "1"}
"""Toxiproxy dials one connection of a link at a time, without a time-out. A dial to an address that
does not exist would take two minutes; with this the kernel gives up after three seconds."""

Addresses: TypeAlias = Mapping[str, Mapping[str, str]]
"""Service -> network, as in the Compose file -> address."""


@dataclass(frozen=True)
class Override:
    """The text of the override, and the addresses in it."""

    text: str
    addresses: Addresses


def make_override(
    config: Mapping[str, Any],
    spec: StackSpec,
    settings: Settings,
    project: Project,
    client: docker.DockerClient,
) -> Override:
    """Return the override for a project.

    Args:
        config: the output of `compose config`.
        spec: the stack.
        settings: the scenario clock, and variables and apps of single services.
        project: its labels and names.
        client: the engine, whose networks limit the choice of subnets.

    Raises:
        StackError: the app of a service is to be replaced and its command does not contain one,
            or no subnets are free.
    """
    services = default_profile(config)
    networks = {name: _networks(body) for name, body in services.items()}
    own = _own_networks(config, networks)
    with_subnet = {name: subnet for name, body in own.items() if (subnet := _subnet(body))}
    without_subnet = [name for name in own if name not in with_subnet]
    subnets = dict(zip(without_subnet, choose_subnets(client, len(without_subnet)), strict=True))
    addresses = assign_addresses(subnets | with_subnet, networks)
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
        "networks": {name: _network(subnets.get(name), project) for name in own},
        "volumes": {
            name: {"labels": dict(project.labels), **limited.get(name, {})}
            for name, body in (config.get("volumes") or {}).items()
            if not (body or {}).get("external")
        },
    }
    text = json.dumps({key: value for key, value in content.items() if value}, indent=1)
    return Override(text + "\n", addresses)


def addresses_in(text: str) -> Addresses:
    """Return the addresses in the text of an override.

    Raises:
        ValueError: `text` is not an override of this backend.
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
    """Return the declarations of the networks that Compose creates for the project."""
    declared = config.get("networks") or {}
    used = dict.fromkeys(name for names in networks.values() for name in names)
    bodies = {name: declared.get(name) or {} for name in used}
    return {name: body for name, body in bodies.items() if not body.get("external")}


def _subnet(body: Mapping[str, Any]) -> IPv4Network | None:
    """Return the subnet that the Compose file declares for a network; None if it does not."""
    configs = (body.get("ipam") or {}).get("config") or ()
    written = (str(one.get("subnet") or "") for one in configs)
    return next((IPv4Network(subnet, strict=False) for subnet in written if "." in subnet), None)


def _networks(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the networks of a service -> the address in the Compose file, or ""."""
    if body.get("network_mode"):
        return {}
    joined = body.get("networks") or ("default",)
    if not isinstance(joined, Mapping):
        return dict.fromkeys(joined, "")
    return {name: (how or {}).get("ipv4_address", "") for name, how in joined.items()}


def _network(subnet: IPv4Network | None, project: Project) -> dict[str, Any]:
    """Return the labels of a network, and its subnet unless the Compose file declares one."""
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
    if body.get("container_name"):  # unique on the engine, but several runs may go on at once
        added["container_name"] = f"{project.name}-{name}"
    if (body.get("logging") or {}).get("driver") == "none":  # the log is evidence
        added["logging"] = {"driver": "json-file"}
    # The image may declare a health check even if the file does not.
    added["healthcheck"] = dict(_NO_HEALTH_CHECK) if body.get("healthcheck") else {"disable": True}
    if networks:
        added["networks"] = {
            network: {"ipv4_address": addresses[network]} if network in addresses else None
            for network in networks
        }
        if name == spec.toxiproxy:
            added["sysctls"] = dict(_DIAL_TIMEOUT)
    if name == spec.toxiproxy and kept_volumes(spec):
        added["volumes"] = kept_volumes(spec)
    if name in spec.services:
        own = dict((settings.environment or {}).get(name, {}))
        added["environment"] = {
            key: _escape_dollar(value) for key, value in (_clock(settings) | own).items()
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
    """Replace the ASGI factory in the command, and mount the directory with the new one."""
    run, command = spec.services[name].run, body.get("command")
    if not isinstance(run, AppRun) or not isinstance(command, list) or run.factory not in command:
        wanted = run.factory if isinstance(run, AppRun) else "an app"
        raise StackError(
            f"{name}: cannot run {other} instead: its command does not contain {wanted}"
        )
    return {
        "command": [other if word == run.factory else word for word in command],
        "volumes": [f"{spec.directory}:{_INSIDE}:ro"],
        "user": "0:0",  # the directory may be readable by root only
    }


def _escape_dollar(value: str) -> str:
    return value.replace("$", "$$")
