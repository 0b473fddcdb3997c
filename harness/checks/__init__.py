"""Questions asked of a history, one module each; the same for live, simulated and sent runs."""

from ._check import CHECKS, Check, Result, Verdict

__all__ = ["CHECKS", "Check", "Result", "Verdict"]
