"""What must fit together in a stack file: links with services, addresses with links, the order.

Every call goes through a link, or cutting links would prove nothing: hence an address in a
service's environment that goes past the Toxiproxy is a problem like a misspelt name is.
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
    """Note in `problems` what does not fit; the other mappings are the file's own."""
    known = _members(declared)
    if spec.toxiproxy not in declared:
        problems.add(
            ("x-harness", "toxiproxy"),
            f"no service is called {spec.toxiproxy!r}; add it, or name the one that is",
        )
    elif spec.toxiproxy in known:
        problems.add(
            ("services", spec.toxiproxy, "x-harness"),
            "the Toxiproxy is no part of the system; remove the block",
        )
    if not known:
        problems.add(("services",), "none has an x-harness: block; give each service one")
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
            if "@" not in name and name not in volumes:  # NAME@PATH: an anonymous one
                problems.add(("volumes", name), f"is missing; {service.name} uses it, declare it")
    _check_cycles(spec, problems)


def _members(declared: Mapping[str, Any]) -> set[str]:
    """The services that have a block, even a malformed one, which is a problem of its own."""
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
                f"one of {', '.join(sorted(known)) or 'none'}",
            )
    if link.caller == link.target:
        problems.add((*at, "to"), f"{link.target!r} is where the link comes from, too; change one")
    target = spec.services.get(link.target)
    if target is not None and target.port is None:
        problems.add(
            ("services", target.name, "x-harness", "port"),
            f"is missing, but link {link.name} leads here; add the port on which it listens",
        )
    caller = spec.services.get(link.caller)
    address = f"{spec.toxiproxy}:{link.listen}"
    if caller is not None and not any(
        _names(value, address) for value in caller.environment.values()
    ):
        problems.add(
            ("services", caller.name, "environment"),
            f"does not name {address}, where link {link.name} listens; "
            f"let {caller.name} call {link.target} there",
        )


def _check_links_differ(links: Mapping[str, Link], problems: Problems) -> None:
    ports: dict[int, str] = {}
    ends: dict[tuple[str, str], str] = {}
    for name, link in links.items():
        at = ("x-harness", "links", name)
        first = ports.setdefault(link.listen, name)
        if first != name:
            problems.add((*at, "listen"), f"{link.listen} is {first}'s already; choose another")
        first = ends.setdefault((link.caller, link.target), name)
        if first != name:
            problems.add(
                at, f"{first} leads from {link.caller} to {link.target} already; remove one"
            )


def _check_networks(
    spec: StackSpec, declared: Mapping[str, Any], networks: Mapping[str, Any], problems: Problems
) -> None:
    """Links pass through the Toxiproxy: it shares a network with both ends of each."""
    proxy, at = declared.get(spec.toxiproxy), ("services", spec.toxiproxy)
    there = read_networks(proxy, problems, at) if isinstance(proxy, dict) else ()
    joined = {name: service.networks for name, service in spec.services.items()}
    for owner, names in {spec.toxiproxy: there, **joined}.items():
        for name in names:
            if name != "default" and name not in networks:
                problems.add(("networks", name), f"is missing; {owner} is on it, declare it")
    ends = {end: link for link in spec.links.values() for end in (link.caller, link.target)}
    for end, link in ends.items():
        theirs = joined.get(end, ())
        if there and theirs and not {*there} & {*theirs}:
            problems.add(
                (*at, "networks"),
                f"is on none of {end}'s ({', '.join(theirs)}), so link {link.name} leads nowhere; "
                "put it on one of them",
            )


def _check_password(service: Service, problems: Problems) -> None:
    if not service.environment.get("POSTGRES_PASSWORD"):
        problems.add(
            ("services", service.name, "environment", "POSTGRES_PASSWORD"),
            "is missing; PostgreSQL wants one, and so does its official image",
        )


def _check_disk(
    service: Service, spec: StackSpec, volumes: Mapping[str, Any], problems: Problems
) -> None:
    """A disk of limited size is made of a volume that is this project's alone to make."""
    at = ("services", service.name, "x-harness", "disk")
    named = [name for name in service.volumes.values() if "@" not in name]
    if not named:
        problems.add(at, f"{service.name} has no named volume; give it one, or remove the key")
    for name in named:
        own = set(volumes.get(name) or {}) & {"external", "driver", "driver_opts"}
        if own:
            problems.add(
                at,
                f"volume {name} has {' and '.join(sorted(own))} of its own, and cannot be made "
                "a disk of this size; remove one of them",
            )
        for other in spec.services.values():
            if name in other.volumes.values() and other.disk not in (None, service.disk):
                problems.add(
                    at, f"{other.name} gives volume {name} another size; write the same in both"
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
        around = list(reversed(error.args[1]))
        problems.add(
            ("services", around[0], "depends_on"),
            f"goes round in a circle: {' -> '.join(around)}; remove one of them",
        )


def _check_addresses(
    service: Service, spec: StackSpec, known: set[str], problems: Problems
) -> None:
    listens: dict[int, list[Link]] = defaultdict(list)
    for link in spec.links.values():
        listens[link.listen].append(link)
    for variable, value in service.environment.items():
        at = ("services", service.name, "environment", variable)
        for other in sorted(known - {service.name}):
            if _names_host(value, other):
                problems.add(
                    at,
                    f"names {other} directly, past every link; add a link from {service.name} "
                    f"to {other} and write {spec.toxiproxy}:LISTEN",
                )
        for port in _ports_of(value, spec.toxiproxy):
            callers = {link.caller for link in listens[port]}
            if not callers:
                problems.add(
                    at,
                    f"no link listens on {spec.toxiproxy}:{port}; add one under x-harness.links",
                )
            elif service.name not in callers:
                names = ", ".join(link.name for link in listens[port])
                problems.add(
                    at,
                    f"{spec.toxiproxy}:{port} is link {names} from {', '.join(sorted(callers))}; "
                    f"give {service.name} a link of its own",
                )


def _names(value: str, address: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(address)}(?!\d)", value) is not None


def _names_host(value: str, host: str) -> bool:
    """Whether `value` holds `host` as an address: with a port, or after `//` or `@`."""
    name = re.escape(host)
    pattern = rf"(?<![\w.-]){name}:\d|(?://|@){name}(?![\w.-])"
    return re.search(pattern, value) is not None


def _ports_of(value: str, host: str) -> list[int]:
    found = re.findall(rf"(?<![\w.-]){re.escape(host)}:(\d+)", value)
    return [int(port) for port in dict.fromkeys(found)]
