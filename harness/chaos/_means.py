"""How one injection is carried out: the same five verbs for links and for services."""

from collections.abc import Sequence
from typing import Protocol

from ._kind import LinkFault, NodeFault
from ._links import LinkHolds
from ._lookout import Lookout, Reference
from ._nodes import NodeHolds
from ._verify import Finding, LinkVerifier
from ._verify_nodes import Before, NodeVerifier
from ._wire import Wire


class Means(Protocol):
    """What an injection needs; called in this order, `release` and `gone` perhaps repeatedly."""

    def prepare(self) -> None:
        """Look at how things are before."""

    def apply(self) -> None:
        """Make the changes."""

    def changed(self) -> bool:
        """Whether anything is changed that `release` would take back."""

    def bites(self) -> Finding:
        """Look whether the fault is there."""

    def release(self) -> None:
        """Take the changes back.

        Raises:
            GoneError: what they were made on has ended, and they with it.
        """

    def forget(self) -> None:
        """What the changes were made on has ended: there is nothing to take back any more."""

    def gone(self) -> Finding:
        """Look whether the fault has gone."""

    def by_hand(self) -> str:
        """What to do if it does not go."""


class LinkMeans:
    """A fault of links."""

    def __init__(
        self,
        fault: str,
        kind: LinkFault,
        links: Sequence[str],
        *,
        holds: LinkHolds,
        nodes: NodeHolds,
        verifier: LinkVerifier,
        lookout: Lookout,
        wire: Wire,
    ) -> None:
        self._fault, self._kind, self._targets = fault, kind, links
        self._holds, self._nodes = holds, nodes
        self._verifier, self._lookout, self._wire = verifier, lookout, wire
        self._reference: Reference | None = None

    def prepare(self) -> None:
        """Choose a link to compare with."""
        self._reference = self._verifier.reference(self._kind, self._targets, self._fault)

    def apply(self) -> None:
        """Disable the proxies, or put toxics on them."""
        links = self._lookout.stack.spec.links
        stuck = {
            name
            for name in self._targets
            if "paused" in (self._nodes.standing(links[name].caller),
                            self._nodes.standing(links[name].target))
        }  # fmt: skip
        self._holds.hold(
            self._fault,
            self._targets,
            self._kind.toxics(self._wire),
            disables=self._kind.disables,
            drained=stuck,
        )

    def changed(self) -> bool:
        """Whether any of its links is held."""
        return any(self._fault in self._holds.holders(link) for link in self._targets)

    def bites(self) -> Finding:
        """Canaries through and beside."""
        return self._verifier.bites(self._kind, self._targets, self._reference, self._fault)

    def release(self) -> None:
        """Drain and remove, enable."""
        self._lookout.stack.toxiproxy()  # raises if it has ended
        self._holds.release(self._fault)

    def forget(self) -> None:
        """No proxy is left that could hold it."""
        self._holds.forget(self._fault)

    def gone(self) -> Finding:
        """Canaries through and beside."""
        return self._verifier.gone(self._kind, self._targets)

    def by_hand(self) -> str:
        """Restarting is the one thing that always helps."""
        server = self._lookout.stack.toxiproxy()
        return f"enable the proxies and delete their toxics at http://{server}/proxies, or restart"


class NodeMeans:
    """A fault of services."""

    def __init__(
        self,
        fault: str,
        kind: NodeFault,
        services: Sequence[str],
        *,
        holds: NodeHolds,
        verifier: NodeVerifier,
    ) -> None:
        self._fault, self._kind, self._targets = fault, kind, services
        self._holds, self._verifier = holds, verifier
        self._reference: Reference | None = None
        self._before = Before({}, {}, {})

    def prepare(self) -> None:
        """Note how they stand, and choose a service to compare with."""
        self._before = self._verifier.before(self._kind, self._targets)
        self._reference = self._verifier.reference(self._targets, self._fault)

    def apply(self) -> None:
        """Whatever the kind does to them."""
        self._holds.hold(self._fault, self._kind, self._targets, self._before.statuses)

    def changed(self) -> bool:
        """Whether any of its services is held."""
        return any(self._fault in self._holds.holders(name) for name in self._targets)

    def bites(self) -> Finding:
        """Canaries and the stack's word."""
        return self._verifier.bites(self._kind, self._targets, self._before, self._reference)

    def release(self) -> None:
        """The opposite."""
        self._holds.release(self._fault)

    def forget(self) -> None:
        """Services can always be launched again: nothing to forget."""

    def gone(self) -> Finding:
        """Canaries and the stack's word."""
        return self._verifier.gone(self._kind, self._targets)

    def by_hand(self) -> str:
        """The stack can always be started anew."""
        return f"see why {', '.join(self._targets)} does not come back (`harness logs`), or restart"
