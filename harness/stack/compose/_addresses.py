"""Addresses that last: a subnet of its own for each network, a place in it for each container.

The engine gives a container another address each time it starts. A load generator that was told
where a service is would then talk to nobody, or to another service, after a restart; so every
address is chosen here, once.
"""

import random
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import docker

from harness.errors import StackError

_POOLS = tuple(map(IPv4Network, ("10.128.0.0/9", "172.16.0.0/12", "192.168.0.0/16")))
"""For private use (RFC 1918), the largest first; a company's VPN may lead into any of them."""

_ROUTES = Path("/proc/net/route")


def choose_subnets(client: docker.DockerClient, count: int) -> list[IPv4Network]:
    """`count` subnets of 256 addresses that neither the engine nor this machine uses.

    Raises:
        StackError: there are not as many.
    """
    used = [*_of_engine(client), *_of_machine()]
    free = (subnet for subnet in _all() if not any(map(subnet.overlaps, used)))
    found = list(islice(free, count))
    if len(found) < count:
        raise StackError(
            f"networks: no {count} subnets are free for them, because this machine's routes and "
            "Docker's networks use all that are private; remove some (docker network prune), or "
            "give the Compose file's networks an ipam: of their own"
        )
    return found


def place(
    subnets: Mapping[str, IPv4Network], services: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Service -> network -> address, for the networks that are in `subnets`.

    `services` has, in the same way, the addresses that the Compose file gives; else empty.

    Raises:
        StackError: a subnet is too small.
    """
    given = {address for networks in services.values() for address in networks.values()}
    free = {
        name: (one for host in islice(subnet.hosts(), 1, None) if (one := str(host)) not in given)
        for name, subnet in subnets.items()
    }
    try:
        return {
            service: {
                name: address or next(free[name])
                for name, address in networks.items()
                if name in free
            }
            for service, networks in services.items()
        }
    except StopIteration:
        sizes = ", ".join(f"{name} ({subnet})" for name, subnet in subnets.items())
        raise StackError(f"networks: too small for its services is one of {sizes}") from None


def _all() -> Iterator[IPv4Network]:
    for pool in _POOLS:
        numbers = list(range(2 ** (24 - pool.prefixlen)))
        random.SystemRandom().shuffle(numbers)  # runs that start at the same time seldom meet
        for number in numbers:
            yield IPv4Network((int(pool.network_address) + number * 256, 24))


def _of_engine(client: docker.DockerClient) -> Iterator[IPv4Network]:
    for network in client.networks.list():
        for config in ((network.attrs.get("IPAM") or {}).get("Config")) or ():
            if "." in config.get("Subnet", ""):
                yield IPv4Network(config["Subnet"], strict=False)


def _of_machine() -> Iterator[IPv4Network]:
    """Where this machine's routes lead, the default route apart."""
    if not _ROUTES.exists():
        return
    for line in _ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        address = int.from_bytes(bytes.fromhex(fields[1]), "little")
        mask = int.from_bytes(bytes.fromhex(fields[7]), "little")
        if mask:
            yield IPv4Network((address, mask.bit_count()))
