"""Check that the parts of a stack file agree: links and services, addresses and links, start order.

Every call between services must go through a link, or cutting links would prove nothing. So an
address in a service's environment that bypasses the Toxiproxy is a problem, as a misspelt name is.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ._problems import Problems
from ._shapes import read_networks
from ._spec import Link, PostgresRun, Service, StackSpec


def check_consistency(
    spec: StackSpec,
    declared: Mapping[str, Any],
    volumes: Mapping[str, Any],
    networks: Mapping[str, Any],
    problems: Problems,
) -> None:
    """Add every inconsistency of `spec` to `problems`.

    Args:
        spec: the stack as it was read.
        declared: the file's `services:`, those without an `x-harness:` block included.
        volumes: the file's `volumes:`.
        networks: the file's `networks:`.
        problems: where inconsistencies are added.
    """
    known = _members(declared)
    if spec.toxiproxy not in declared:
        problems.add(
            ("x-harness", "toxiproxy"),
            f"no service is called {spec.toxiproxy!r}; add it, or name the one that runs Toxiproxy",
        )
    elif spec.toxiproxy in known:
        problems.add(
            ("services", spec.toxiproxy, "x-harness"),
            "the Toxiproxy is not part of the system under test; remove the block",
        )
    if not known:
        problems.add(("services",), "no service has an x-harness: block; give each service one")
    for link in spec.links.values():
        _check_link(link, spec, known, problems)
    _check_links_differ(spec.links, problems)
    _check_networks(spec, declared, networks, problems)
    for service in spec.services.values():
        _check_order(service, declared, problems)
        _check_addresses(service, spec, known, problems)
        if isinstance(service.run, PostgresRun):
            _check_password(service, problems)
        if service.disk is not None:
            _check_disk(service, spec, volumes, problems)
        for name in service.volumes.values():
            if "@" not in name and name not in volumes:  # NAME@PATH is an anonymous volume
                problems.add(
                    ("volumes", name), f"is missing; {service.name} uses it, so declare it"
                )
    _check_cycles(spec, problems)


def _members(declared: Mapping[str, Any]) -> set[str]:
    """Return the services that have a block, malformed ones included (reported elsewhere)."""
    return {
        name for name, body in declared.items() if isinstance(body, dict) and "x-harness" in body
    }


def _check_link(link: Link, spec: StackSpec, known: set[str], problems: Problems) -> None:
    at = ("x-harness", "links", link.name)
    for side, name in (("from", link.caller), ("to", link.target)):
        if name not in known:
            problems.add(
                (*at, side),
                f"no service with an x-harness: block is called {name!r}; "
                f"the services with one are: {', '.join(sorted(known)) or 'none'}",
            )
    if link.caller == link.target:
        problems.add((*at, "to"), f"{link.target!r} is also the link's from:; change one of them")
    target = spec.services.get(link.target)
    if target is not None and target.port is None:
        problems.add(
            ("services", target.name, "x-harness", "port"),
            f"is missing, but link {link.name} leads here; add the port of the service",
        )
    caller = spec.services.get(link.caller)
    address = f"{spec.toxiproxy}:{link.listen}"
    if caller is not None and not any(
        _has_address(value, address) for value in caller.environment.values()
    ):
        problems.add(
            ("services", caller.name, "environment"),
            f"does not contain {address}, where link {link.name} listens; "
            f"set the address at which {caller.name} calls {link.target} to it",
        )


def _check_links_differ(links: Mapping[str, Link], problems: Problems) -> None:
    ports: dict[int, str] = {}
    ends: dict[tuple[str, str], str] = {}
    for name, link in links.items():
        at = ("x-harness", "links", name)
        first = ports.setdefault(link.listen, name)
        if first != name:
            problems.add(
                (*at, "listen"),
                f"{link.listen} is already the port of link {first}; choose another",
            )
        first = ends.setdefault((link.caller, link.target), name)
        if first != name:
            problems.add(
                at,
                f"link {first} already leads from {link.caller} to {link.target}; remove one",
            )


def _check_networks(
    spec: StackSpec, declared: Mapping[str, Any], networks: Mapping[str, Any], problems: Problems
) -> None:
    """Check that the Toxiproxy shares a network with both ends of each link."""
    proxy, at = declared.get(spec.toxiproxy), ("services", spec.toxiproxy)
    proxy_networks = read_networks(proxy, problems, at) if isinstance(proxy, dict) else ()
    joined = {name: service.networks for name, service in spec.services.items()}
    for owner, names in {spec.toxiproxy: proxy_networks, **joined}.items():
        for name in names:
            if name != "default" and name not in networks:
                problems.add(
                    ("networks", name), f"is missing; {owner} is on this network, so declare it"
                )
    ends = {end: link for link in spec.links.values() for end in (link.caller, link.target)}
    for end, link in ends.items():
        end_networks = joined.get(end, ())
        if proxy_networks and end_networks and not {*proxy_networks} & {*end_networks}:
            problems.add(
                (*at, "networks"),
                f"shares no network with {end} ({', '.join(end_networks)}), so link "
                f"{link.name} cannot work; add one of these networks",
            )


def _check_password(service: Service, problems: Problems) -> None:
    if not service.environment.get("POSTGRES_PASSWORD"):
        problems.add(
            ("services", service.name, "environment", "POSTGRES_PASSWORD"),
            "is missing; add it: PostgreSQL and its official image need a password",
        )


def _check_disk(
    service: Service, spec: StackSpec, volumes: Mapping[str, Any], problems: Problems
) -> None:
    """Check the volumes of a disk of limited size: the harness must be free to define them."""
    at = ("services", service.name, "x-harness", "disk")
    named = [name for name in service.volumes.values() if "@" not in name]
    if not named:
        problems.add(at, f"{service.name} has no named volume; add one, or remove disk:")
    for name in named:
        own = set(volumes.get(name) or {}) & {"external", "driver", "driver_opts"}
        if own:
            problems.add(
                at,
                f"volume {name} sets {' and '.join(sorted(own))}, so it cannot be limited to this "
                "size; remove that, or remove disk:",
            )
        for other in spec.services.values():
            if name in other.volumes.values() and other.disk not in (None, service.disk):
                problems.add(
                    at, f"{other.name} limits volume {name} to another size; write the same in both"
                )


def _check_order(service: Service, declared: Mapping[str, Any], problems: Problems) -> None:
    for name in service.depends_on:
        if name not in declared:
            problems.add(
                ("services", service.name, "depends_on", name),
                f"no service is called {name!r}; correct the name or remove it",
            )


def _check_cycles(spec: StackSpec, problems: Problems) -> None:
    try:
        TopologicalSorter({s.name: s.depends_on.keys() for s in spec.services.values()}).prepare()
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        problems.add(
            ("services", cycle[0], "depends_on"),
            f"is circular: {' -> '.join(cycle)}; remove one of them",
        )


def _check_addresses(
    service: Service, spec: StackSpec, known: set[str], problems: Problems
) -> None:
    by_port: dict[int, list[Link]] = defaultdict(list)
    for link in spec.links.values():
        by_port[link.listen].append(link)
    for variable, value in service.environment.items():
        at = ("services", service.name, "environment", variable)
        for other in sorted(known - {service.name}):
            if _has_host(value, other):
                problems.add(
                    at,
                    f"has the direct address of {other}, which bypasses every link; add a link "
                    f"from {service.name} to {other} and write {spec.toxiproxy}:LISTEN here",
                )
        for port in _ports_of(value, spec.toxiproxy):
            callers = {link.caller for link in by_port[port]}
            if not callers:
                problems.add(
                    at,
                    f"no link listens on {spec.toxiproxy}:{port}; add one under x-harness.links",
                )
            elif service.name not in callers:
                names = ", ".join(link.name for link in by_port[port])
                problems.add(
                    at,
                    f"{spec.toxiproxy}:{port} is link {names}, whose from: is "
                    f"{', '.join(sorted(callers))}; add a link from {service.name}",
                )


def _has_address(value: str, address: str) -> bool:
    """Return True if `value` contains `address`, a `host:port`."""
    return re.search(rf"(?<![\w.-]){re.escape(address)}(?!\d)", value) is not None


def _has_host(value: str, host: str) -> bool:
    """Return True if `value` has `host` as an address: with a port, or after `//` or `@`."""
    name = re.escape(host)
    pattern = rf"(?<![\w.-]){name}:\d|(?://|@){name}(?![\w.-])"
    return re.search(pattern, value) is not None


def _ports_of(value: str, host: str) -> list[int]:
    """Return the ports of `host` in `value`, each once."""
    found = re.findall(rf"(?<![\w.-]){re.escape(host)}:(\d+)", value)
    return [int(port) for port in dict.fromkeys(found)]
