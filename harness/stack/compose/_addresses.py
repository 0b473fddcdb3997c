"""Addresses that last: a subnet of its own for each network, a place in it for each container.

The engine gives a container another address each time it starts. A load generator that was told
where a service is would then talk to nobody, or to another service, after a restart; so every
address is chosen here, once.
"""

import random
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import docker

_POOL = IPv4Network("10.128.0.0/9")
_ROUTES = Path("/proc/net/route")


def choose_subnets(client: docker.DockerClient, count: int) -> list[IPv4Network]:
    """`count` subnets of 256 addresses that neither the engine nor this machine uses."""
    used = [*_of_engine(client), *_of_machine()]
    pool = list(range(2 ** (24 - _POOL.prefixlen)))
    random.SystemRandom().shuffle(pool)  # runs that start at the same time seldom meet
    found: list[IPv4Network] = []
    for number in pool:
        subnet = IPv4Network((int(_POOL.network_address) + number * 256, 24))
        if not any(subnet.overlaps(other) for other in used):
            found.append(subnet)
        if len(found) == count:
            break
    return found


def place(
    subnets: Mapping[str, IPv4Network], services: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """Service -> network -> address, for the networks that are in `subnets`."""
    free = {name: iter(list(subnet)[2:-1]) for name, subnet in subnets.items()}
    return {
        service: {name: str(next(free[name])) for name in names if name in free}
        for service, names in services.items()
    }


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
