"""The links of a stack in containers, and what they lead to while their target is down.

A process that dies leaves a host that refuses. A container that dies takes its address with it:
nothing answers there, not even with a refusal, and a Toxiproxy that dials it waits for minutes,
one connection after the other, long after the service is back. So the links of a service that is
down lead to a port that refuses, and callers see what they would see of any dead process.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from threading import Lock

from .._proxies import create_proxies, redirect_proxy
from .._spec import Link, StackSpec

_REFUSES = "127.0.0.1:1"
"""Of the Toxiproxy's own host: port 1 (tcpmux) has no listener in its container."""


class Links:
    """One proxy for each link; `api` and `address` say where the Toxiproxy and a service are."""

    def __init__(
        self, spec: StackSpec, *, api: Callable[[], str], address: Callable[[str], str]
    ) -> None:
        self._spec, self._api, self._address = spec, api, address
        self._locks = {name: Lock() for name in spec.links}

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """While the block lasts, `link` leads where it leads now; whoever redirects it waits."""
        return self._locks[link]

    def create(self) -> None:
        """Make the proxies, each leading to its target.

        By address: the name of a container that is down is asked of name servers outside, which
        takes ten seconds.

        Raises:
            StackError: the Toxiproxy refused, or did not answer.
        """
        proxies = {
            name: (f"0.0.0.0:{link.listen}", self._address(link.target))
            for name, link in self._spec.links.items()
        }
        create_proxies(self._api(), proxies)

    def refuse(self, service: str) -> None:
        """Let every link to `service` refuse; what is connected is cut off.

        Raises:
            StackError: as `create`.
        """
        for link in self._to(service):
            self._redirect(link, _REFUSES)

    def restore(self, service: str) -> None:
        """The opposite of `refuse`.

        Raises:
            StackError: as `create`.
        """
        for link in self._to(service):
            self._redirect(link, self._address(service))

    def _redirect(self, link: Link, upstream: str) -> None:
        with self._locks[link.name]:
            redirect_proxy(self._api(), link.name, upstream)

    def _to(self, service: str) -> Iterable[Link]:
        return (link for link in self._spec.links.values() if link.target == service)
