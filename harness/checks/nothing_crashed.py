"""Did every process keep running, except those that the scenario stopped?"""

from harness.history import History, Node

from ._check import Check, Verdict, as_evidence
from ._text import count_text, list_text


class NothingCrashed(Check, name="nothing_crashed"):
    """Passes if no service exited except by a fault of the scenario; fails if one did.

    Measured:
        services: services whose processes were watched, number.
        crashes: exits that the scenario did not cause, number; lower is better.
    """

    def judge(self, history: History) -> Verdict:
        """Look for exits that were not planned."""
        nodes = list(history.of(Node))
        if not nodes:
            return self.inconclusive("the history has no event about a process; none was watched")
        crashes = [node for node in nodes if node.state == "exited" and not node.planned]
        services = len({node.service for node in nodes})
        measured = {"services": services, "crashes": len(crashes)}
        if crashes:
            exits = list_text(f"{n.service} ({n.detail or 'no reason given'})" for n in crashes)
            reason = f"{count_text(len(crashes), 'unplanned exit')}: {exits}"
            return self.failed(reason, as_evidence(node.index for node in crashes), **measured)
        return self.passed(
            f"no unplanned exit of {count_text(services, 'service')}", (), **measured
        )
