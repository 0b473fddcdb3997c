"""Resolve a scenario's target to the links or services of one stack."""

from collections.abc import Iterable
from difflib import get_close_matches

from harness.errors import UsageError
from harness.scenario import Target
from harness.stack import StackSpec


def resolve_links(target: Target, spec: StackSpec) -> tuple[str, ...]:
    """Return the links of `target`, in the order of the stack file.

    A site stands for the links between it and the other sites, in either direction. A service
    stands for every link into it or out of it, so that it is cut off from the network.

    Raises:
        UsageError: unknown names, or no link at all; one line each.
    """
    if target.link is not None:
        names = _names(target.link)
        _check_known(names, "link", spec.links)
        return tuple(name for name in spec.links if name in names)
    if target.site is not None:
        inside = set(_services_at(target.site, spec))
        links = [
            link.name
            for link in spec.links.values()
            if (link.caller in inside) != (link.target in inside)
        ]
        return _not_empty(links, f"no link leads into or out of site {target.site!r}")
    services = set(_names(target.to or target.from_ or target.service))
    _check_known(services, "service", spec.services)
    into = services if target.from_ is None else set()
    out_of = services if target.to is None else set()
    links = [
        link.name for link in spec.links.values() if link.target in into or link.caller in out_of
    ]
    where = "into" if target.to is not None else "out of" if target.from_ is not None else "at"
    return _not_empty(links, f"the stack has no link {where} {', '.join(sorted(services))}")


def resolve_services(target: Target, spec: StackSpec) -> tuple[str, ...]:
    """Return the services of `target`, in the order of the stack file.

    Raises:
        UsageError: unknown names, or a target that is not a service or a site; one line each.
    """
    if target.site is not None:
        return _services_at(target.site, spec)
    if target.service is None:
        raise UsageError("acts on services, not on links; name a service or a site")
    names = _names(target.service)
    _check_known(names, "service", spec.services)
    return tuple(name for name in spec.services if name in names)


def unknown_name(noun: str, name: str, known: Iterable[str]) -> str:
    """Return a one-line message with the unknown name, the closest known one, and all of them."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {noun} {name!r}; {hint}There are: {', '.join(names) or 'none'}"


def _services_at(site: str, spec: StackSpec) -> tuple[str, ...]:
    if site not in spec.sites:
        raise UsageError(unknown_name("site", site, spec.sites))
    return spec.at(site)


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _check_known(names: Iterable[str], noun: str, known: Iterable[str]) -> None:
    there = list(known)
    problems = [unknown_name(noun, name, there) for name in names if name not in there]
    if problems:
        raise UsageError(problems)
    if not names:
        raise UsageError(f"names no {noun}")


def _not_empty(links: list[str], message: str) -> tuple[str, ...]:
    if not links:
        raise UsageError(f"{message}; there is nothing to put the fault on")
    return tuple(links)
