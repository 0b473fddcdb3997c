"""Did the system reach quiescence? Only then do final reads show everything that it stores."""

from harness.history import Ended, History

from ._check import Check, Verdict, as_evidence


class Quiesced(Check, name="quiesced"):
    """Passes if every service was quiescent when the run ended.

    Fails if the settle time ran out first; inconclusive if the run was cut short, or if no service
    has `x-harness.quiescent`, so that none could be asked.
    """

    def judge(self, history: History) -> Verdict:
        """Read the `ended` event of the run."""
        ended = next(history.of(Ended), None)
        if ended is None:
            return self.inconclusive("the run was cut short before the system was quiescent")
        evidence = as_evidence([ended.index])
        if not ended.asked:
            return self.inconclusive(
                "no service could be asked whether it has work left; add x-harness.quiescent (a "
                'path that answers {"quiescent": true or false}) to those that can have some',
                evidence,
            )
        if not ended.quiescent:
            why = ended.reason or "no reason recorded"
            return self.failed(
                f"the system was not quiescent when the settle time ended: {why}", evidence
            )
        return self.passed("the system was quiescent before the final reads", evidence)
