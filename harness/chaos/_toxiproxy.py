"""The one place that speaks to Toxiproxy, over toxiproxy-python, without its traps.

The package keeps host and port in one class for the whole process. Here each adapter works with
a private copy of the package's two modules, given a consumer of its own (`_consumer`), so that
two servers in one process do not meet, and the user's own use of the package is not touched.
Objects of the package are snapshots that go stale; here they live for one call.
"""

import importlib.util
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import quote

import toxiproxy
from toxiproxy.exceptions import ProxyExists

from harness.errors import StackError

from ._consumer import Consumer, RefusedError
from ._errors import ChaosError
from ._toxic import Toxic

OWNED = "harness-"
"""What the names of our toxics begin with; nothing else is ever removed."""


@dataclass(frozen=True)
class ProxyState:
    """A proxy as the server last described it."""

    name: str
    listen: str
    upstream: str
    enabled: bool


@dataclass(frozen=True)
class _Draft:
    """What a proxy is made of."""

    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[tuple[str, Toxic, float], ...]
    """Name, toxic and toxicity of each."""


class Toxiproxy:
    """One Toxiproxy server, `host:port`. Any thread may call any method.

    Every method raises `StackError` where the server cannot be reached or does not answer within
    `timeout` seconds, and `RefusedError` (a `ChaosError`) where it says no.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdecimal():
            raise ChaosError(f"{address!r} is not host:port, as a Toxiproxy's address must be")
        self._consumer = Consumer(host, int(port), timeout)
        self.address = self._consumer.server
        self._proxies = _private("toxiproxy.proxy", APIConsumer=self._consumer)
        servers = _private(
            "toxiproxy.server",
            APIConsumer=self._consumer,
            Proxy=self._proxies.Proxy,
            # The package asks whether a TCP connect works, for ever and over IPv4 only, and takes
            # any listener for a Toxiproxy. Asking for the version answers the same question.
            can_connect_to=lambda host, port: True,  # noqa: ARG005
        )
        self._server: toxiproxy.Toxiproxy = servers.Toxiproxy()
        self._drafts: dict[str, _Draft] = {}

    def close(self) -> None:
        """Close the connections kept to the server."""
        self._consumer.close()

    def version(self) -> str:
        """The server's version, e.g. `2.12.0`."""
        with self._plain("version"):
            text: bytes = self._server.version()
            return _version(text)

    def proxies(self) -> dict[str, ProxyState]:
        """Every proxy of the server, by name."""
        with self._plain("proxies"):
            return {
                name: ProxyState(name, proxy.listen, proxy.upstream, proxy.enabled)
                for name, proxy in self._server.proxies().items()
            }

    def create(self, name: str, upstream: str, listen: str = "127.0.0.1:0") -> ProxyState:
        """Make a proxy; port 0 becomes the one that the server chose."""
        self._addressable(name)
        with self._plain(name):
            made = self._server.create(upstream, name, listen)
            return ProxyState(name, made.listen, made.upstream, made.enabled)

    def destroy(self, name: str) -> bool:
        """Remove a proxy; False if there is none of that name."""
        return self._gone(name, lambda: self._handle(name).destroy())

    def disable(self, name: str) -> None:
        """Stop listening and close every connection of the proxy; toxics stay."""
        with self._plain(name):
            self._handle(name).disable()

    def enable(self, name: str) -> None:
        """Listen again, on the same port."""
        with self._plain(name):
            self._handle(name).enable()

    def toxics(self, name: str) -> tuple[str, ...]:
        """The names of the proxy's toxics."""
        with self._plain(name):
            return tuple(self._handle(name).toxics())

    def add_toxic(self, name: str, toxic: Toxic, toxic_name: str) -> None:
        """Put `toxic` on proxy `name`; its name must carry our prefix."""
        _ours(toxic_name)
        self._add(name, toxic, toxic_name, 1.0)

    def renew(self, name: str, without: Iterable[str], *, enable: bool = False) -> None:
        """Put in place of a proxy one without some of our toxics; its connections end.

        Removing a toxic blocks the server's whole API for good while a connection's chain holds
        bytes that nobody takes (Shopify/toxiproxy#558). Closing the connections first is not
        enough: a chain that delays goes on holding its bytes when both ends are gone. A new proxy
        has no chains at all. It listens if the old one did, or if `enable` says so. May be called
        again after it has failed half way.
        """
        dropped = set(without)
        for toxic in dropped:
            _ours(toxic)
        draft = self._drafts.get(name) or self._describe(name)
        self._drafts[name] = draft  # remembered until its successor stands
        self.destroy(name)
        self._rebuild(name, draft, dropped)
        if enable or draft.enabled:
            self.enable(name)
        del self._drafts[name]

    def reset_owned(self, names: Iterable[str]) -> list[str]:
        """Remove every toxic of ours from the proxies `names`; what was removed."""
        removed = []
        states = self.proxies()
        for name in names:
            state = states.get(name)
            owned = [] if state is None else [t for t in self.toxics(name) if t.startswith(OWNED)]
            if state is not None and owned:
                self.renew(name, owned)
                removed += [f"{name}/{toxic}" for toxic in owned]
        return removed

    def _add(self, name: str, toxic: Toxic, toxic_name: str, toxicity: float) -> None:
        with self._plain(name):
            self._handle(name).add_toxic(
                type=toxic.type,
                stream=toxic.stream,
                name=toxic_name,
                toxicity=toxicity,
                attributes=dict(toxic.attributes),
            )

    def _rebuild(self, name: str, draft: "_Draft", dropped: Collection[str]) -> None:
        """Make the proxy that `draft` describes, not yet listening."""
        with self._plain(name):
            # Not by the package, which lists every proxy of the server before it makes one.
            made = {"name": name, "listen": draft.listen, "upstream": draft.upstream}
            self._consumer.post("/proxies", json={**made, "enabled": False})
        for toxic_name, toxic, toxicity in draft.toxics:
            if toxic_name not in dropped:
                self._add(name, toxic, toxic_name, toxicity)

    def _describe(self, name: str) -> "_Draft":
        """What proxy `name` is made of, in one answer: the package would list every proxy."""
        with self._plain(name):
            said = self._consumer.get(f"/proxies/{quote(name, safe='')}").json()
            toxics = tuple(
                (
                    one["name"],
                    Toxic(one["type"], one["stream"], one["attributes"]),
                    float(one["toxicity"]),
                )
                for one in said["toxics"]
            )
            return _Draft(said["listen"], said["upstream"], said["enabled"], toxics)

    def _handle(self, name: str) -> toxiproxy.Proxy:
        """The package's object for proxy `name`, without asking the server for all of them."""
        self._addressable(name)
        handle: toxiproxy.Proxy = self._proxies.Proxy(
            name=quote(name, safe=""), upstream="", enabled=True, listen=""
        )
        return handle

    def _gone(self, name: str, delete: Callable[[], object]) -> bool:
        """Delete; False if there was nothing to delete."""
        try:
            with self._plain(name):
                delete()
        except RefusedError as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def _addressable(self, name: str) -> None:
        if not name or "/" in name or name in (".", ".."):
            raise ChaosError(
                f"toxiproxy {self.address}: no URL leads to a proxy called {name!r}; "
                f"rename the link"
            )

    @contextmanager
    def _plain(self, what: str) -> Iterator[None]:
        """Turn what the package trips over, in an answer that is JSON but not Toxiproxy's."""
        try:
            yield
        except ProxyExists as error:  # the package looks before it asks, and says no by itself
            raise RefusedError(
                f"toxiproxy {self.address}: a proxy called {what!r} exists already; "
                f"remove it or choose another name",
                409,
            ) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise StackError(
                f"toxiproxy {self.address}: {what}: answers, but not as a Toxiproxy does "
                f"({type(error).__name__}: {error}); check the address"
            ) from error


def _private(name: str, **bindings: Any) -> ModuleType:
    """A copy of module `name` that nobody else sees, with some of its globals replaced."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(bindings)
    return module


def _version(text: bytes) -> str:
    return str(json.loads(text)["version"])


def _ours(toxic: str) -> None:
    if not toxic.startswith(OWNED):
        raise ChaosError(f"toxic {toxic!r} is not ours: our names begin with {OWNED!r}")
