"""Fixed addresses: a subnet for each network, and an address in it for each container.

The engine gives a container a new address at each start. After a restart, a load generator that
keeps the old address would reach no service, or another one. So every address is chosen here, once.
"""

import random
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import docker

from harness.errors import StackError

_POOLS = tuple(map(IPv4Network, ("10.128.0.0/9", "172.16.0.0/12", "192.168.0.0/16")))
"""Private ranges (RFC 1918), the largest first; a company's VPN may use any of them."""

_ROUTES = Path("/proc/net/route")


def choose_subnets(client: docker.DockerClient, count: int) -> list[IPv4Network]:
    """Return `count` subnets of 256 addresses that neither the engine nor this machine uses.

    Raises:
        StackError: there are not that many.
    """
    used = [*_engine_subnets(client), *_routed_subnets()]
    free = (subnet for subnet in _candidates() if not any(map(subnet.overlaps, used)))
    found = list(islice(free, count))
    if len(found) < count:
        raise StackError(
            f"networks: {count} private subnets are needed, but this machine's routes and Docker's "
            "networks use too many; remove some (docker network prune), or give the Compose "
            "file's networks an ipam: of their own"
        )
    return found


def assign_addresses(
    subnets: Mapping[str, IPv4Network], services: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return service -> network -> address, for the networks in `subnets`.

    Args:
        subnets: network -> its subnet.
        services: service -> network -> the address that the Compose file gives, or "".

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
        raise StackError(f"networks: one of {sizes} is too small for its services") from None


def _candidates() -> Iterator[IPv4Network]:
    for pool in _POOLS:
        numbers = list(range(2 ** (24 - pool.prefixlen)))
        random.SystemRandom().shuffle(numbers)  # so that simultaneous starts seldom collide
        for number in numbers:
            yield IPv4Network((int(pool.network_address) + number * 256, 24))


def _engine_subnets(client: docker.DockerClient) -> Iterator[IPv4Network]:
    for network in client.networks.list():
        for config in ((network.attrs.get("IPAM") or {}).get("Config")) or ():
            if "." in config.get("Subnet", ""):
                yield IPv4Network(config["Subnet"], strict=False)


def _routed_subnets() -> Iterator[IPv4Network]:
    """Return the subnets of this machine's routes, without the default route."""
    if not _ROUTES.exists():
        return
    for line in _ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        address = int.from_bytes(bytes.fromhex(fields[1]), "little")
        mask = int.from_bytes(bytes.fromhex(fields[7]), "little")
        if mask:
            yield IPv4Network((address, mask.bit_count()))
