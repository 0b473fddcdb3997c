"""Did every process live, except those that the scenario ended itself?"""

from harness.history import History, Node

from ._check import Check, Verdict
from ._words import count, listed, proof


class NothingCrashed(Check, name="nothing_crashed"):
    """No service exited unless a fault of the scenario made it."""

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        nodes = list(history.of(Node))
        if not nodes:
            return self.unclear("the history says nothing about processes, so none was watched")
        crashes = [node for node in nodes if node.state == "exited" and not node.planned]
        services = len({node.service for node in nodes})
        measured = {"services": services, "crashes": len(crashes)}
        if crashes:
            stories = listed(f"{n.service} ({n.detail or 'no reason given'})" for n in crashes)
            reason = f"{count(len(crashes), 'unplanned exit')}: {stories}"
            return self.failed(reason, proof(node.index for node in crashes), **measured)
        return self.passed(
            f"none of {count(services, 'service')} exited on its own", (), **measured
        )
