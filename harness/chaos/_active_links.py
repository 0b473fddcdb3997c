"""The faults that are active on links: apply them, revert them, and know which link has which.

Several faults may be on one link. A proxy stays disabled as long as at least one fault disables
it; toxics carry a digest of their step's label and occurrence in their names. Each link has one
lock, so that two faults do not change a proxy at the same time.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock

from ._api_client import GivenUpError
from ._errors import ChaosError
from ._intents import Intent, Intents, new_id
from ._parallel import change_all
from ._toxic import Toxic
from ._toxiproxy import TOXIC_PREFIX, ProxyState, Toxiproxy


@dataclass
class _Link:
    """One link's proxy: how it was before this run's faults, and the faults on it."""

    lock: Lock = field(default_factory=Lock)
    was_enabled: bool = True
    intents: dict[str, list[Intent]] = field(default_factory=dict)
    """The intents of each fault, whose id is the key: one for each change of the proxy."""

    def is_disabled_by_others(self, fault_id: str) -> bool:
        return any(
            intent.change == "disable"
            for other, intents in self.intents.items()
            if other != fault_id
            for intent in intents
        )


class ActiveLinkFaults:
    """Applies faults to links through one Toxiproxy; an intent is written before each change.

    `keep_upstream` returns a context in which the stack does not redirect the link; it is entered
    while the link's proxy is recreated.
    """

    def __init__(
        self,
        server: Toxiproxy,
        intents: Intents,
        pool: Executor,
        keep_upstream: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._server = server
        self._keep_upstream = keep_upstream
        self._intents = intents
        self._pool = pool
        self._links: dict[str, _Link] = {}
        self._lock = Lock()

    def owners(self, link: str) -> frozenset[str]:
        """Return the ids of the faults on `link`."""
        with self._lock:
            return frozenset(self._links[link].intents) if link in self._links else frozenset()

    def was_disabled(self, link: str) -> bool:
        """Return True if the proxy of `link` was disabled already before this run's faults."""
        with self._lock:
            return link in self._links and not self._links[link].was_enabled

    def is_listed(self, fault_id: str, link: str) -> bool:
        """Return True if Toxiproxy lists every toxic of the fault on `link`.

        Raises:
            StackError: the server does not answer.
        """
        with self._lock:
            intents = self._links[link].intents.get(fault_id, []) if link in self._links else []
        toxics = {intent.toxic for intent in intents if intent.toxic}
        return bool(toxics) and toxics <= set(self._server.toxics(link))

    def missing_change(self, fault_id: str) -> str:
        """Return which change of the fault Toxiproxy no longer shows; empty if it shows all.

        Raises:
            StackError: the server does not answer.
        """
        with self._lock:
            active = {
                name: (link, link.intents[fault_id])
                for name, link in self._links.items()
                if fault_id in link.intents
            }
        for name, (link, intents) in active.items():
            with link.lock:  # another fault may be recreating the proxy
                enabled, toxics = self._server.enabled_and_toxics(name)
            if enabled and any(intent.change == "disable" for intent in intents):
                return f"{name}: its proxy is enabled"
            if gone := [one.toxic for one in intents if one.toxic and one.toxic not in toxics]:
                return f"{name}: its proxy no longer has {', '.join(gone)}"
        return ""

    def apply(
        self,
        fault_id: str,
        links: Sequence[str],
        toxics: Sequence[Toxic],
        *,
        draw_key: str,
        disables_proxy: bool,
        drained: Collection[str] = (),
    ) -> None:
        """Apply a fault to `links`, all at once.

        Args:
            fault_id: Id of the injection.
            links: The links' names.
            toxics: Toxics to add to each link's proxy.
            draw_key: The step's label and occurrence, which name the toxics: the embedded server
                draws jitter from the seed and these names.
            disables_proxy: True to disable the proxies instead.
            drained: Links whose connections are closed before toxics are added. One end of these
                connections does not read, and adding to such a connection's chain of toxics can
                block Toxiproxy.

        Raises:
            ChaosError: it failed on some link; call `revert`.
        """
        states = self._server.proxies()
        missing = [link for link in links if link not in states]
        if missing:
            raise ChaosError(
                f"toxiproxy {self._server.address} has no proxy for {', '.join(missing)}; "
                f"was it restarted? Start the stack again"
            )
        planned = {
            link: [self._disable_intent(fault_id, states[link])]
            if disables_proxy
            else self._toxic_intents(fault_id, draw_key, states[link], toxics)
            for link in links
        }
        draining = [
            self._disable_intent(fault_id, states[link])
            for link in links
            if link in drained and toxics
        ]
        self._intents.begin([*_flat(planned), *draining])
        for link, intents in planned.items():
            self._register(fault_id, link, intents, is_enabled=states[link].enabled)

        def change(name: str) -> None:
            link = self._links[name]
            with link.lock:
                if disables_proxy:
                    self._server.disable(name)
                    return
                drains = name in drained and not link.is_disabled_by_others(fault_id)
                if drains:
                    self._server.disable(name)
                for toxic, intent in zip(toxics, planned[name], strict=True):
                    self._server.add_toxic(name, toxic, intent.toxic)
                if drains and link.was_enabled:
                    self._server.enable(name)

        self._change_all(change, links)
        self._intents.mark(_flat(planned), "done")
        self._intents.mark(draining, "undone")

    def revert(self, fault_id: str) -> None:
        """Revert a fault on every link that it is still on. May be called again.

        Raises:
            ChaosError: it failed on some link.
            GivenUpError: the server does not answer; another call at once is of no use.
        """
        with self._lock:
            active = {
                name: link.intents[fault_id]
                for name, link in self._links.items()
                if fault_id in link.intents
            }
        recreating = self._begin_recreating(fault_id, active)

        def change(name: str) -> None:
            link = self._links[name]
            with link.lock:
                toxics = [intent.toxic for intent in active[name] if intent.toxic]
                if toxics:
                    with self._keep_upstream(name):
                        self._server.recreate(name, without=toxics)
                elif link.was_enabled and not link.is_disabled_by_others(fault_id):
                    self._server.enable(name)
                with self._lock:
                    del link.intents[fault_id]
            recreated = [recreating[name]] if name in recreating else []
            self._intents.mark([*active[name], *recreated], "undone")

        self._change_all(change, active)

    def forget(self, fault_id: str) -> None:
        """Drop a fault that has ended together with its Toxiproxy."""
        with self._lock:
            ended = [
                link.intents.pop(fault_id)
                for link in self._links.values()
                if fault_id in link.intents
            ]
        self._intents.mark([intent for intents in ended for intent in intents], "undone")

    def _begin_recreating(
        self, fault_id: str, active: Mapping[str, list[Intent]]
    ) -> dict[str, Intent]:
        """Write an intent for each proxy that has to be recreated; return them by link."""
        names = [name for name, intents in active.items() if any(one.toxic for one in intents)]
        states = self._server.proxies() if names else {}
        recreating = {
            name: Intent(
                id=new_id(), fault=fault_id, change="recreate", where=self._server.address,
                name=name, listen=active[name][0].listen,
                # The present upstream: the backend may have redirected the link meanwhile.
                upstream=states[name].upstream if name in states else active[name][0].upstream,
            )
            for name in names
        }  # fmt: skip
        try:
            self._intents.begin(recreating.values())
        except ChaosError:  # a full disk must not prevent healing
            return {}
        return recreating

    def _toxic_intents(
        self, fault_id: str, draw_key: str, state: ProxyState, toxics: Sequence[Toxic]
    ) -> list[Intent]:
        # A digest, because a label may hold characters that are special in a URL.
        name = hashlib.sha256(draw_key.encode()).hexdigest()[:12]
        return [
            Intent(
                id=new_id(), fault=fault_id, change="toxic", where=self._server.address,
                name=state.name, toxic=f"{TOXIC_PREFIX}{name}-{toxic.stream}",
                listen=state.listen, upstream=state.upstream,
            )
            for toxic in toxics
        ]  # fmt: skip

    def _disable_intent(self, fault_id: str, state: ProxyState) -> Intent:
        return Intent(
            id=new_id(), fault=fault_id, change="disable", where=self._server.address,
            name=state.name, listen=state.listen, upstream=state.upstream,
        )  # fmt: skip

    def _register(
        self, fault_id: str, name: str, intents: list[Intent], *, is_enabled: bool
    ) -> None:
        with self._lock:
            link = self._links.setdefault(name, _Link())
            if not link.intents:
                link.was_enabled = is_enabled
            link.intents[fault_id] = intents

    def _change_all(self, change: Callable[[str], None], links: Iterable[str]) -> None:
        errors = change_all(self._pool, change, links)
        if errors:
            more = f" (and {len(errors) - 1} more links)" if len(errors) > 1 else ""
            given_up = all(isinstance(error, GivenUpError) for error in errors)
            error_class = GivenUpError if given_up else ChaosError
            raise error_class(f"{errors[0]}{more}") from errors[0]


def _flat(intents: Mapping[str, list[Intent]]) -> list[Intent]:
    return [intent for of_link in intents.values() for intent in of_link]
