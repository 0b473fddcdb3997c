"""The networks of a container: read, disconnected, and connected again as before.

After reconnecting, a container has its former address and aliases, so its callers find it again.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from harness.errors import StackError

_NETWORK = "com.docker.compose.network"


def connections_of(client: docker.DockerClient, container: Container) -> dict[str, dict[str, Any]]:
    """Return network, as named in the Compose file -> how `container` is connected to it.

    The keys of a connection: network (id), aliases, links, ipv4_address and ipv6_address (as
    configured), host (its present IPv4 address).
    """
    found = {}
    short = (container.id or "")[:12]  # the engine adds this alias itself
    for real, endpoint in container.attrs["NetworkSettings"]["Networks"].items():
        given = endpoint.get("IPAMConfig") or {}
        found[_name(client, endpoint.get("NetworkID") or real, real)] = {
            "network": endpoint.get("NetworkID") or real,
            "aliases": [alias for alias in endpoint.get("Aliases") or () if alias != short],
            "links": endpoint.get("Links"),
            "ipv4_address": given.get("IPv4Address"),
            "ipv6_address": given.get("IPv6Address"),
            "host": endpoint.get("IPAddress") or given.get("IPv4Address") or "",
        }
    return found


def addresses_of(container: Container) -> list[str]:
    """Return the IPv4 addresses of `container`, as of its last reload."""
    endpoints = container.attrs["NetworkSettings"]["Networks"].values()
    return [str(endpoint["IPAddress"]) for endpoint in endpoints if endpoint.get("IPAddress")]


def disconnect(
    client: docker.DockerClient, container: Container, networks: Collection[str]
) -> None:
    """Disconnect `container` from `networks`.

    Raises:
        StackError: it is not on one of them.
    """
    there = connections_of(client, container)
    missing = [name for name in networks if name not in there]
    if missing:
        raise StackError(f"is not on network {missing[0]}; it is on {', '.join(there) or 'none'}")
    for name in networks:
        client.networks.get(there[name]["network"]).disconnect(container)


def reconnect(
    client: docker.DockerClient, container: Container, before: dict[str, dict[str, Any]]
) -> list[str]:
    """Connect `container` to the networks of `before` again; return those it was missing from."""
    there = connections_of(client, container)
    left = [name for name in before if name not in there]
    for name in left:
        was = before[name]
        try:
            client.networks.get(was["network"]).connect(
                container,
                aliases=was["aliases"] or None,
                links=was["links"],
                ipv4_address=was["ipv4_address"],
                ipv6_address=was["ipv6_address"],
            )
        except APIError as error:
            if error.status_code != 403:  # it has been connected meanwhile
                raise
    return left


def _name(client: docker.DockerClient, network: str, real: str) -> str:
    with suppress(NotFound):
        labels = client.networks.get(network).attrs.get("Labels") or {}
        return str(labels.get(_NETWORK, real))
    return real
