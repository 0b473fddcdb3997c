"""Which faults are on which links, and how they get there and back.

Several faults may be on one link. A proxy stays disabled as long as anyone wants it so; toxics
carry their fault's id in their names. Each link has one lock, so that one fault's draining does
not meet another's.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from threading import Lock

from harness.errors import HarnessError

from ._errors import ChaosError
from ._intents import Intent, Intents, new_id
from ._toxic import Toxic
from ._toxiproxy import OWNED, ProxyState, Toxiproxy


class _Link:
    """One link's proxy, as it was found and as it is held."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.found_enabled = True
        self.held: dict[str, list[Intent]] = {}
        """By fault id."""

    def cut_by_others(self, fault: str) -> bool:
        return any(
            intent.change == "disable"
            for other, intents in self.held.items()
            if other != fault
            for intent in intents
        )


class LinkHolds:
    """Puts faults on links through one Toxiproxy, each change preceded by its intent.

    `keep_upstream` keeps a stack from redirecting a link while its proxy is replaced.
    """

    def __init__(
        self,
        server: Toxiproxy,
        intents: Intents,
        pool: Executor,
        keep_upstream: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._server = server
        self._unmoved = keep_upstream
        self._intents = intents
        self._pool = pool
        self._links: dict[str, _Link] = {}
        self._lock = Lock()

    def holders(self, link: str) -> frozenset[str]:
        """The ids of the faults that are on `link`."""
        with self._lock:
            return frozenset(self._links[link].held) if link in self._links else frozenset()

    def found_disabled(self, link: str) -> bool:
        """Whether somebody else had disabled the proxy of `link` when a fault was put on it."""
        with self._lock:
            return link in self._links and not self._links[link].found_enabled

    def listed(self, fault: str, link: str) -> bool:
        """Whether the server itself says that the fault is on `link`.

        Raises:
            StackError: the server does not answer.
        """
        with self._lock:
            intents = self._links[link].held.get(fault, []) if link in self._links else []
        toxics = {intent.toxic for intent in intents if intent.toxic}
        return bool(toxics) and toxics <= set(self._server.toxics(link))

    def hold(
        self,
        fault: str,
        links: Sequence[str],
        toxics: Sequence[Toxic],
        *,
        disables: bool,
        drained: Collection[str] = (),
    ) -> None:
        """Put a fault on `links`, all at once.

        On links in `drained`, connections are closed before toxics are added: one end of theirs
        does not read, and adding to such a connection's chain can wedge Toxiproxy.

        Raises:
            ChaosError: on some link it could not be done; call `release`.
        """
        states = self._server.proxies()
        missing = [link for link in links if link not in states]
        if missing:
            raise ChaosError(
                f"toxiproxy {self._server.address} has no proxy for {', '.join(missing)}; "
                f"was it restarted? Start the stack again"
            )
        planned = {
            link: self._planned(fault, states[link], toxics, disables=disables) for link in links
        }
        draining = [
            self._disabling(fault, states[link]) for link in links if link in drained and toxics
        ]
        self._intents.begin([*_flat(planned), *draining])
        for link, intents in planned.items():
            self._take(fault, link, intents, enabled=states[link].enabled)

        def put(link: str) -> None:
            with self._links[link].lock:
                if disables:
                    self._server.disable(link)
                    return
                drain = link in drained and not self._links[link].cut_by_others(fault)
                if drain:
                    self._server.disable(link)
                for toxic, intent in zip(toxics, planned[link], strict=True):
                    self._server.add_toxic(link, toxic, intent.toxic)
                if drain and self._links[link].found_enabled:
                    self._server.enable(link)

        self._each(put, links)
        self._intents.note(_flat(planned), "done")
        self._intents.note(draining, "undone")

    def release(self, fault: str) -> None:
        """Take a fault back from every link that it is still on. May be called again.

        Raises:
            ChaosError: on some link it could not be done.
        """
        with self._lock:
            links = [name for name, link in self._links.items() if fault in link.held]
        held = {name: self._links[name].held[fault] for name in links}
        toxic = [name for name, intents in held.items() if any(one.toxic for one in intents)]
        states = self._server.proxies() if toxic else {}
        renewing = {
            name: Intent(
                id=new_id(), fault=fault, change="renew", where=self._server.address, name=name,
                listen=held[name][0].listen,
                # Where it leads now: the backend may have redirected it since.
                upstream=states[name].upstream if name in states else held[name][0].upstream,
            )
            for name in toxic
        }  # fmt: skip
        try:
            self._intents.begin(renewing.values())
        except ChaosError:  # a full disk must not keep a fault from being healed
            renewing = {}

        def take_back(name: str) -> None:
            link = self._links[name]
            with link.lock:
                toxics = [intent.toxic for intent in held[name] if intent.toxic]
                if toxics:
                    with self._unmoved(name):
                        self._server.renew(name, toxics)
                elif link.found_enabled and not link.cut_by_others(fault):
                    self._server.enable(name)
                with self._lock:
                    del link.held[fault]
            renewed = [renewing[name]] if name in renewing else []
            self._intents.note([*held[name], *renewed], "undone")

        self._each(take_back, links)

    def forget(self, fault: str) -> None:
        """Let go of a fault that has ended with its Toxiproxy."""
        with self._lock:
            gone = [link.held.pop(fault) for link in self._links.values() if fault in link.held]
        self._intents.note([intent for intents in gone for intent in intents], "undone")

    def _planned(
        self, fault: str, state: ProxyState, toxics: Sequence[Toxic], *, disables: bool
    ) -> list[Intent]:
        if disables:
            return [self._disabling(fault, state)]
        return [
            Intent(
                id=new_id(), fault=fault, change="toxic", where=self._server.address,
                name=state.name, toxic=f"{OWNED}{fault}-{toxic.stream}",
                listen=state.listen, upstream=state.upstream,
            )
            for toxic in toxics
        ]  # fmt: skip

    def _disabling(self, fault: str, state: ProxyState) -> Intent:
        return Intent(
            id=new_id(), fault=fault, change="disable", where=self._server.address,
            name=state.name, listen=state.listen, upstream=state.upstream,
        )  # fmt: skip

    def _take(self, fault: str, name: str, intents: list[Intent], *, enabled: bool) -> None:
        with self._lock:
            link = self._links.setdefault(name, _Link())
            if not link.held:
                link.found_enabled = enabled
            link.held[fault] = intents

    def _each(self, change: Callable[[str], None], links: Sequence[str]) -> None:
        """Change every link, even if some fail; then raise for those that did."""
        problems: list[HarnessError] = []

        def attempt(link: str) -> None:
            try:
                change(link)
            except HarnessError as error:
                problems.append(error)

        list(self._pool.map(attempt, links))
        if problems:
            more = f" (and {len(problems) - 1} more links)" if len(problems) > 1 else ""
            raise ChaosError(f"{problems[0]}{more}") from problems[0]


def _flat(planned: dict[str, list[Intent]]) -> list[Intent]:
    return [intent for intents in planned.values() for intent in intents]
