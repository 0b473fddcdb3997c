"""The links of a stack in containers, and their upstreams while the target is down.

When a process dies, its host refuses connections. When a container dies, its address is gone, and
connections time out: a Toxiproxy that dials it waits for minutes, one connection after the other,
long after the service is back. So while a service is down, its links have an upstream that refuses,
and callers see the same as with a dead process.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from threading import Lock

from .._proxies import create_proxies, redirect_proxy
from .._spec import Link, StackSpec

_REFUSES = "127.0.0.1:1"
"""In the Toxiproxy's container, nothing listens at port 1 (tcpmux)."""


class Links:
    """One proxy for each link.

    Args:
        spec: the stack.
        api: returns `host:port` of the Toxiproxy API.
        address: returns `host:port` of a service.
    """

    def __init__(
        self, spec: StackSpec, *, api: Callable[[], str], address: Callable[[str], str]
    ) -> None:
        self._spec, self._api, self._address = spec, api, address
        self._locks = {name: Lock() for name in spec.links}

    def keep_upstream(self, link: str) -> AbstractContextManager[object]:
        """Keep the upstream of `link` during the block; redirections wait for its end."""
        return self._locks[link]

    def create(self) -> None:
        """Create the proxies; each upstream is the address of the link's target.

        An address, because the name of a container that is down is looked up by external name
        servers, which takes ten seconds.

        Raises:
            StackError: the Toxiproxy refused, or did not answer.
        """
        proxies = {
            name: (f"0.0.0.0:{link.listen}", self._address(link.target))
            for name, link in self._spec.links.items()
        }
        create_proxies(self._api(), proxies)

    def refuse(self, service: str) -> None:
        """Make every link to `service` refuse connections, and close the open ones.

        Raises:
            StackError: see `create`.
        """
        for link in self._links_to(service):
            self._redirect(link, _REFUSES)

    def restore(self, service: str) -> None:
        """Set the upstream of every link to `service` to the service again.

        Raises:
            StackError: see `create`.
        """
        for link in self._links_to(service):
            self._redirect(link, self._address(service))

    def _redirect(self, link: Link, upstream: str) -> None:
        with self._locks[link.name]:
            redirect_proxy(self._api(), link.name, upstream)

    def _links_to(self, service: str) -> Iterable[Link]:
        return (link for link in self._spec.links.values() if link.target == service)
