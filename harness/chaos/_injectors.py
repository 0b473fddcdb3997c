"""How one injection is carried out: the same operations for links and for services."""

from collections.abc import Sequence
from typing import Protocol

from ._active_links import ActiveLinkFaults
from ._active_nodes import ActiveNodeFaults
from ._fault_type import LinkFault, NodeFault
from ._finding import Finding
from ._prober import Prober, Reference
from ._timing import Timing
from ._verify_links import LinkVerifier
from ._verify_nodes import Before, NodeVerifier


class Injector(Protocol):
    """The operations of one injection, in the order of the calls.

    `revert` and `verify_healed` may be called repeatedly. Each may raise `HarnessError`.
    """

    def prepare(self) -> None:
        """Record the state before the fault, for verification and for healing."""

    def apply(self) -> None:
        """Write the intents and put the fault into effect on every target."""

    def has_changes(self) -> bool:
        """Return True if there are changes for `revert`."""

    def verify_injected(self) -> Finding:
        """Verify that the fault is in effect."""

    def missing_change(self) -> str:
        """Return which change is no longer there; empty if all are. It sends no probes."""

    def revert(self) -> None:
        """Revert the changes.

        Raises:
            GoneError: what was changed has ended, and the changes with it.
        """

    def forget(self) -> None:
        """Drop the changes without reverting them, after a `GoneError`."""

    def verify_healed(self) -> Finding:
        """Verify that the fault is no longer in effect."""

    def manual_steps(self) -> str:
        """Return what the user can do if the fault cannot be healed."""


class LinkInjector:
    """Injects one fault into links.

    `draw_key` is the step's label and the number of its occurrence; the seed and it decide every
    random draw.
    """

    def __init__(
        self,
        fault_id: str,
        fault_type: LinkFault,
        links: Sequence[str],
        *,
        draw_key: str,
        active_links: ActiveLinkFaults,
        active_nodes: ActiveNodeFaults,
        verifier: LinkVerifier,
        prober: Prober,
        timing: Timing,
    ) -> None:
        self._fault_id, self._fault_type, self._links = fault_id, fault_type, links
        self._draw_key = draw_key
        self._active_links, self._active_nodes = active_links, active_nodes
        self._verifier, self._prober, self._timing = verifier, prober, timing
        self._reference: Reference | None = None

    def prepare(self) -> None:
        """Choose a link to compare with."""
        self._reference = self._verifier.choose_reference(
            self._fault_type, self._links, self._draw_key
        )

    def apply(self) -> None:
        """Disable the proxies, or add toxics to them."""
        links, node_state = self._prober.stack.spec.links, self._active_nodes.node_state
        with_paused_end = {
            name
            for name in self._links
            if "paused" in (node_state(links[name].caller), node_state(links[name].target))
        }
        self._active_links.apply(
            self._fault_id,
            self._links,
            self._fault_type.toxics(self._timing),
            draw_key=self._draw_key,
            disables_proxy=self._fault_type.disables_proxy,
            drained=with_paused_end,
        )

    def has_changes(self) -> bool:
        """Return True if the fault is on any of its links."""
        return any(self._fault_id in self._active_links.owners(link) for link in self._links)

    def verify_injected(self) -> Finding:
        """Probe via the links and directly."""
        return self._verifier.verify_injected(
            self._fault_type, self._links, self._reference, self._fault_id
        )

    def missing_change(self) -> str:
        """Ask Toxiproxy whether the proxies are disabled, or have the toxics."""
        self._prober.stack.toxiproxy()  # raises GoneError if Toxiproxy has ended
        return self._active_links.missing_change(self._fault_id)

    def revert(self) -> None:
        """Enable the proxies, or recreate them without the toxics."""
        self._prober.stack.toxiproxy()  # raises GoneError if Toxiproxy has ended
        self._active_links.revert(self._fault_id)

    def forget(self) -> None:
        """Drop the changes; they ended with the proxies."""
        self._active_links.forget(self._fault_id)

    def verify_healed(self) -> Finding:
        """Probe via the links and directly."""
        return self._verifier.verify_healed(self._fault_type, self._links)

    def manual_steps(self) -> str:
        """Return how to change the proxies by hand; a restart of the stack always helps."""
        server = self._prober.stack.toxiproxy()
        return f"enable the proxies and delete their toxics at http://{server}/proxies, or restart"


class NodeInjector:
    """Injects one fault into services; `draw_key` as for `LinkInjector`."""

    def __init__(
        self,
        fault_id: str,
        fault_type: NodeFault,
        services: Sequence[str],
        *,
        draw_key: str,
        active_nodes: ActiveNodeFaults,
        verifier: NodeVerifier,
    ) -> None:
        self._fault_id, self._fault_type, self._services = fault_id, fault_type, services
        self._active_nodes, self._verifier = active_nodes, verifier
        self._draw_key = draw_key
        self._reference: Reference | None = None
        self._before = Before({}, {}, {})

    def prepare(self) -> None:
        """Note the services' state, and choose a service to compare with."""
        self._before = self._verifier.state_before(self._fault_type, self._services)
        self._reference = self._verifier.choose_reference(self._services, self._draw_key)

    def apply(self) -> None:
        """Call the fault type's `inject` for each service."""
        self._active_nodes.apply(
            self._fault_id, self._fault_type, self._services, self._before.statuses
        )

    def has_changes(self) -> bool:
        """Return True if the fault is on any of its services."""
        return any(self._fault_id in self._active_nodes.owners(name) for name in self._services)

    def verify_injected(self) -> Finding:
        """Probe the services directly and read the stack's status of them."""
        return self._verifier.verify_injected(
            self._fault_type, self._services, self._before, self._reference
        )

    def missing_change(self) -> str:
        """Read the stack's status of the services."""
        return self._active_nodes.missing_change(self._fault_id)

    def revert(self) -> None:
        """Call the fault type's `heal` for each service."""
        self._active_nodes.revert(self._fault_id)

    def forget(self) -> None:
        """Drop the changes; they ended with the stack."""
        self._active_nodes.forget(self._fault_id)

    def verify_healed(self) -> Finding:
        """Probe the services directly and read the stack's status of them."""
        return self._verifier.verify_healed(self._fault_type, self._services)

    def manual_steps(self) -> str:
        """Return where to look for the cause; a restart of the stack always helps."""
        names = ", ".join(self._services)
        return f"see why {names} does not come back (`harness logs`), or restart"
