"""From what a scenario names to the links or services of one stack."""

from collections.abc import Iterable
from difflib import get_close_matches

from harness.errors import UsageError
from harness.scenario import Target
from harness.stack import StackSpec


def resolve_links(target: Target, spec: StackSpec) -> tuple[str, ...]:
    """The links that `target` stands for, in the order of the stack file.

    A site stands for the links that cross its border in either direction; a service, for every
    link into it or out of it, which cuts it off from the network.

    Raises:
        UsageError: unknown names, or none at all; one line each.
    """
    if target.link is not None:
        named = _names(target.link)
        _known(named, "link", spec.links)
        return tuple(name for name in spec.links if name in named)
    if target.site is not None:
        inside = set(_at(target.site, spec))
        chosen = [
            link.name
            for link in spec.links.values()
            if (link.caller in inside) != (link.target in inside)
        ]
        return _some(chosen, f"no link crosses the border of site {target.site!r}")
    services = set(_names(target.to or target.from_ or target.service))
    _known(services, "service", spec.services)
    into = services if target.from_ is None else set()
    out_of = services if target.to is None else set()
    chosen = [
        link.name for link in spec.links.values() if link.target in into or link.caller in out_of
    ]
    where = "into" if target.to is not None else "out of" if target.from_ is not None else "at"
    return _some(chosen, f"the stack has no link {where} {', '.join(sorted(services))}")


def resolve_services(target: Target, spec: StackSpec) -> tuple[str, ...]:
    """The services that `target` stands for, in the order of the stack file.

    Raises:
        UsageError: unknown names, or a target that is not a service or a site; one line each.
    """
    if target.site is not None:
        return _at(target.site, spec)
    if target.service is None:
        raise UsageError("acts on services, not on links; name a service or a site")
    named = _names(target.service)
    _known(named, "service", spec.services)
    return tuple(name for name in spec.services if name in named)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line: what is unknown, what was probably meant, what there is."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {kind} {name!r}; {meant}There are: {', '.join(names) or 'none'}"


def _at(site: str, spec: StackSpec) -> tuple[str, ...]:
    if site not in spec.sites:
        raise UsageError(unknown("site", site, spec.sites))
    return spec.at(site)


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _known(names: Iterable[str], kind: str, known: Iterable[str]) -> None:
    there = list(known)
    problems = [unknown(kind, name, there) for name in names if name not in there]
    if problems:
        raise UsageError(problems)
    if not names:
        raise UsageError(f"names no {kind}")


def _some(chosen: list[str], otherwise: str) -> tuple[str, ...]:
    if not chosen:
        raise UsageError(f"{otherwise}; there is nothing to put the fault on")
    return tuple(chosen)
