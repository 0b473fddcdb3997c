"""The only module that talks to Toxiproxy, through toxiproxy-python without its pitfalls.

The package keeps host and port in one class for the whole process. Here each `Toxiproxy` works
with a private copy of the package's two modules, bound to an API client of its own
(`_api_client`). Two servers in one process do not interfere, and a user's own use of the package
is not affected. Objects of the package are snapshots that become stale; here they exist for one
call only.
"""

import importlib.util
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import quote

import toxiproxy
from toxiproxy.exceptions import ProxyExists

from harness.errors import StackError

from ._api_client import ApiClient, RejectedError
from ._errors import ChaosError
from ._toxic import Toxic

TOXIC_PREFIX = "harness-"
"""Prefix of the names of this project's toxics; no other toxic is ever removed."""


@dataclass(frozen=True)
class ProxyState:
    """A proxy as the server last described it."""

    name: str
    listen: str
    upstream: str
    enabled: bool


@dataclass(frozen=True)
class _ProxySpec:
    """Everything from which a proxy can be created again."""

    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[tuple[str, Toxic, float], ...]
    """Name, toxic and toxicity of each."""


class Toxiproxy:
    """One Toxiproxy server at `host:port`. Any thread may call any method.

    Every method raises `StackError` if the server cannot be reached or does not answer within
    `timeout` wall-clock seconds, and `RejectedError` (a `ChaosError`) for an HTTP error.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdecimal():
            raise ChaosError(f"{address!r} is not host:port, as a Toxiproxy's address must be")
        self._client = ApiClient(host, int(port), timeout)
        self.address = self._client.server
        self._proxies = _private_copy("toxiproxy.proxy", APIConsumer=self._client)
        servers = _private_copy(
            "toxiproxy.server",
            APIConsumer=self._client,
            Proxy=self._proxies.Proxy,
            # The package tries TCP connects without a limit and over IPv4 only, and accepts any
            # listener as a Toxiproxy. Requesting the version answers the same question.
            can_connect_to=lambda host, port: True,  # noqa: ARG005
        )
        self._server: toxiproxy.Toxiproxy = servers.Toxiproxy()
        self._recreating: dict[str, _ProxySpec] = {}
        """Specs of proxies that were deleted and not yet created again."""

    def close(self) -> None:
        """Close the pooled connections to the server."""
        self._client.close()

    def limit(self, seconds: float) -> AbstractContextManager[None]:
        """Bound the time of slow answers in the block, for all calls together.

        After the first call that is not answered in time, every further one raises `GivenUpError`.

        Args:
            seconds: wall-clock seconds; the first second of each call does not count.
        """
        return self._client.limit(seconds)

    def version(self) -> str:
        """Return the server's version, e.g. `2.12.0`."""
        with self._translated_errors("version"):
            body: bytes = self._server.version()
            return str(json.loads(body)["version"])

    def proxies(self) -> dict[str, ProxyState]:
        """Return every proxy of the server, by name."""
        with self._translated_errors("proxies"):
            return {
                name: ProxyState(name, proxy.listen, proxy.upstream, proxy.enabled)
                for name, proxy in self._server.proxies().items()
            }

    def create(self, name: str, upstream: str, listen: str = "127.0.0.1:0") -> ProxyState:
        """Create a proxy; the result has the port that the server chose for port 0."""
        self._check_name(name)
        with self._translated_errors(name):
            proxy = self._server.create(upstream, name, listen)
            return ProxyState(name, proxy.listen, proxy.upstream, proxy.enabled)

    def destroy(self, name: str) -> bool:
        """Delete a proxy; return False if there is none of that name."""
        return self._delete(name, lambda: self._proxy(name).destroy())

    def disable(self, name: str) -> None:
        """Stop listening and close every connection of the proxy; toxics stay."""
        with self._translated_errors(name):
            self._proxy(name).disable()

    def enable(self, name: str) -> None:
        """Listen again, on the same port."""
        with self._translated_errors(name):
            self._proxy(name).enable()

    def toxics(self, name: str) -> tuple[str, ...]:
        """Return the names of the proxy's toxics."""
        with self._translated_errors(name):
            return tuple(self._proxy(name).toxics())

    def enabled_and_toxics(self, name: str) -> tuple[bool, tuple[str, ...]]:
        """Return whether the proxy is enabled, and the names of its toxics, in one request."""
        spec = self._read_spec(name)
        return spec.enabled, tuple(toxic for toxic, _, _ in spec.toxics)

    def add_toxic(self, name: str, toxic: Toxic, toxic_name: str) -> None:
        """Add `toxic` to proxy `name`; `toxic_name` must begin with `TOXIC_PREFIX`."""
        _check_owned(toxic_name)
        self._add(name, toxic, toxic_name, 1.0)

    def recreate(self, name: str, without: Iterable[str], *, enable: bool = False) -> None:
        """Delete a proxy and create it again without some of our toxics; its connections end.

        Removing a toxic blocks the server's whole API permanently while a connection's chain of
        toxics holds bytes that are not read (Shopify/toxiproxy#558). Closing the connections first
        is not enough: a chain that delays keeps its bytes after both ends are gone. A new proxy
        has no chains at all. May be called again after it has failed half way.

        Args:
            name: The proxy's name.
            without: Names of the toxics to drop.
            enable: True to listen afterwards even if the proxy was disabled.
        """
        dropped = set(without)
        for toxic in dropped:
            _check_owned(toxic)
        spec = self._recreating.get(name) or self._read_spec(name)
        self._recreating[name] = spec
        self.destroy(name)
        self._create_disabled(name, spec, dropped)
        if enable or spec.enabled:
            self.enable(name)
        del self._recreating[name]

    def remove_owned_toxics(self, names: Iterable[str]) -> list[str]:
        """Remove every toxic of ours from the proxies `names`; return `proxy/toxic` of each."""
        removed = []
        states = self.proxies()
        for name in names:
            state = states.get(name)
            owned = (
                []
                if state is None
                else [toxic for toxic in self.toxics(name) if toxic.startswith(TOXIC_PREFIX)]
            )
            if owned:
                self.recreate(name, without=owned)
                removed += [f"{name}/{toxic}" for toxic in owned]
        return removed

    def _add(self, name: str, toxic: Toxic, toxic_name: str, toxicity: float) -> None:
        with self._translated_errors(name):
            self._proxy(name).add_toxic(
                type=toxic.type,
                stream=toxic.stream,
                name=toxic_name,
                toxicity=toxicity,
                attributes=dict(toxic.attributes),
            )

    def _create_disabled(self, name: str, spec: _ProxySpec, dropped: Collection[str]) -> None:
        """Create the proxy of `spec` without the `dropped` toxics, not yet listening."""
        with self._translated_errors(name):
            # The package's `create` would first list every proxy of the server.
            body = {"name": name, "listen": spec.listen, "upstream": spec.upstream}
            self._client.post("/proxies", json={**body, "enabled": False})
        for toxic_name, toxic, toxicity in spec.toxics:
            if toxic_name not in dropped:
                self._add(name, toxic, toxic_name, toxicity)

    def _read_spec(self, name: str) -> _ProxySpec:
        """Read the spec of proxy `name` in one request; the package would list every proxy."""
        with self._translated_errors(name):
            body = self._client.get(f"/proxies/{quote(name, safe='')}").json()
            toxics = tuple(
                (
                    one["name"],
                    Toxic(one["type"], one["stream"], one["attributes"]),
                    float(one["toxicity"]),
                )
                for one in body["toxics"]
            )
            return _ProxySpec(body["listen"], body["upstream"], body["enabled"], toxics)

    def _proxy(self, name: str) -> toxiproxy.Proxy:
        """Return the package's object for proxy `name`, without a request to the server."""
        self._check_name(name)
        proxy: toxiproxy.Proxy = self._proxies.Proxy(
            name=quote(name, safe=""), upstream="", enabled=True, listen=""
        )
        return proxy

    def _delete(self, name: str, delete: Callable[[], object]) -> bool:
        """Call `delete`; return False if the server has nothing to delete."""
        try:
            with self._translated_errors(name):
                delete()
        except RejectedError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _check_name(self, name: str) -> None:
        if not name or "/" in name or name in (".", ".."):
            raise ChaosError(
                f"toxiproxy {self.address}: no URL leads to a proxy called {name!r}; "
                f"rename the link"
            )

    @contextmanager
    def _translated_errors(self, what: str) -> Iterator[None]:
        """Translate what the package raises, also for JSON that is not from a Toxiproxy."""
        try:
            yield
        except ProxyExists as error:  # the package checks for the name before it sends the request
            raise RejectedError(
                f"toxiproxy {self.address}: a proxy called {what!r} exists already; "
                f"remove it or choose another name",
                409,
            ) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise StackError(
                f"toxiproxy {self.address}: {what}: answers, but not as a Toxiproxy does "
                f"({type(error).__name__}: {error}); check the address"
            ) from error


def _private_copy(name: str, **bindings: Any) -> ModuleType:
    """Return a copy of module `name`, not in `sys.modules`, with some globals replaced."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module).update(bindings)
    return module


def _check_owned(toxic: str) -> None:
    if not toxic.startswith(TOXIC_PREFIX):
        raise ChaosError(f"toxic {toxic!r} is not ours: our names begin with {TOXIC_PREFIX!r}")
