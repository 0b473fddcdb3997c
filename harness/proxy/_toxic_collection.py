"""The toxics of one proxy: one ordered chain for each stream.

Every change is complete when its method returns: the toxic has been added to, changed in, or
removed from every live connection of the proxy.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from harness.proxy._errors import TOXIC_EXISTS, TOXIC_NOT_FOUND, ApiError
from harness.proxy._loop import Loop
from harness.proxy._toxic_wrapper import DOWNSTREAM, UPSTREAM, ToxicWrapper
from harness.proxy.toxics import Toxic


class LiveConnection(Protocol):
    """A connection whose links follow the changes of the collection."""

    def add_toxic(self, wrapper: ToxicWrapper) -> None:
        """Apply a toxic that was added to the end of its stream's chain."""

    def update_toxic(self, wrapper: ToxicWrapper) -> None:
        """Apply the new settings and toxicity of a toxic."""

    def remove_toxic(self, wrapper: ToxicWrapper) -> None:
        """Stop applying a toxic that was removed."""


class ToxicCollection:
    """The toxics of one proxy, by stream and in the order in which bytes pass them.

    Args:
        loop: The event loop, for leases.
        seed: Seeds the random numbers of these toxics.
        connections: The live connections of the proxy; read anew at each change.
        log: Writes a log line about the proxy.
    """

    def __init__(
        self,
        *,
        loop: Loop,
        seed: str,
        connections: Mapping[int, LiveConnection],
        log: Callable[..., None],
    ) -> None:
        self._loop = loop
        self._seed = seed
        self._connections = connections
        self._log = log
        self._chains: dict[str, list[ToxicWrapper]] = {UPSTREAM: [], DOWNSTREAM: []}

    def chain(self, direction: str) -> list[ToxicWrapper]:
        """Return the toxics of one stream, in the order in which bytes pass them."""
        return self._chains[direction]

    def all(self) -> list[ToxicWrapper]:
        """Return all toxics, upstream first, each stream in order of creation."""
        return [*self._chains[UPSTREAM], *self._chains[DOWNSTREAM]]

    def get(self, name: str) -> ToxicWrapper:
        """Return a toxic by name.

        Raises:
            ApiError: The proxy has no toxic of this name.
        """
        for wrapper in self.all():
            if wrapper.name == name:
                return wrapper
        raise ApiError(TOXIC_NOT_FOUND)

    def __contains__(self, name: str) -> bool:
        return any(wrapper.name == name for wrapper in self.all())

    def add(
        self,
        *,
        name: str,
        stream: str,
        toxicity: float,
        toxic: Toxic,
        expires_in: float | None = None,
    ) -> ToxicWrapper:
        """Add a toxic to the end of its stream's chain, also in live connections.

        Args:
            name: Unique among the toxics of both streams.
            stream: `upstream` or `downstream`, in any case.
            toxicity: Probability from 0 to 1 that a connection is affected.
            toxic: Settings and behavior.
            expires_in: Wall-clock seconds after which the toxic is removed again.

        Raises:
            ApiError: The name is taken.
        """
        if name in self:
            raise ApiError(TOXIC_EXISTS)
        wrapper = ToxicWrapper(
            name=name, stream=stream, toxicity=toxicity, toxic=toxic, seed=self._seed
        )
        self._chains[wrapper.direction].append(wrapper)
        for connection in list(self._connections.values()):
            connection.add_toxic(wrapper)
        self._set_lease(wrapper, expires_in)
        return wrapper

    def update(
        self,
        wrapper: ToxicWrapper,
        *,
        toxicity: float,
        toxic: Toxic,
        expires_in: float | None = None,
    ) -> None:
        """Change a toxic's settings, also in live connections.

        With `expires_in`, the lease is renewed for that many wall-clock seconds; without,
        it stays as it is.
        """
        wrapper.update(toxic, toxicity)
        for connection in list(self._connections.values()):
            connection.update_toxic(wrapper)
        self._set_lease(wrapper, expires_in)

    def remove(self, wrapper: ToxicWrapper) -> None:
        """Remove a toxic, also from live connections."""
        wrapper.cancel_lease()
        self._chains[wrapper.direction].remove(wrapper)
        for connection in list(self._connections.values()):
            connection.remove_toxic(wrapper)

    def clear(self) -> None:
        """Remove every toxic."""
        for wrapper in self.all():
            self.remove(wrapper)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the toxics as the API lists them."""
        now = self._loop.time()
        return [wrapper.to_json(now) for wrapper in self.all()]

    def _set_lease(self, wrapper: ToxicWrapper, seconds: float | None) -> None:
        if seconds is None:
            return
        wrapper.cancel_lease()
        wrapper.lease = self._loop.call_at(
            self._loop.time() + seconds, lambda: self._expire(wrapper)
        )

    def _expire(self, wrapper: ToxicWrapper) -> None:
        self._log("warn", "toxic_expired", toxic=wrapper.name)
        self.remove(wrapper)
