"""Did the system come to rest? Only then do final reads tell what it holds."""

from harness.history import Ended, History

from ._check import Check, Verdict
from ._words import proof


class Quiesced(Check, name="quiesced"):
    """The run ended because the system had nothing left to do, not because its time was up."""

    def judge(self, history: History) -> Verdict:
        """What `history` says about the question."""
        ended = next(history.of(Ended), None)
        if ended is None:
            return self.unclear("the run was cut short, so nobody knows whether it came to rest")
        evidence = proof([ended.index])
        if not ended.quiescent:
            why = ended.reason or "it did not say what"
            return self.failed(f"the system still had work when its time was up: {why}", evidence)
        return self.passed("the system came to rest before it was read", evidence)
