"""Questions asked of a history, one module each; the same for live, simulated and sent runs.

    verdicts = judge_all(history, scenario.expect)

| check             | question                                                                   |
|-------------------|----------------------------------------------------------------------------|
| faults_bite       | Was every fault of the scenario seen to bite, and seen to be gone again?   |
| generator_healthy | Did the load come as planned, or was the load generator the bottleneck?    |
| steady_state      | Was the system well before the first fault, so that there is a baseline?   |
| fallback          | Did the services fall back in time, stay there, and go on serving?         |
| leaves_fallback   | Did every service leave its fallback in time after recovery?               |
| honest_answers    | Is every answer that claims the central system backed by its ledger?       |
| exactly_once      | Is everything acknowledged there exactly once, and nothing else?           |
| stays_automatic   | Did those whom the fault does not concern carry on as if nothing happened? |
| stages_in_order   | Did the stages come back in the plan's order, gate by gate, all of them?   |
| no_storm          | Did recovery keep the requests that reach the center within bounds?        |
| backlog_drains    | Did the backlog only shrink after recovery, and to zero in time?           |
| errors_subside    | When load returned to normal, did errors and goodput as well?              |
| notices           | Was the public told in time, often enough, in every language, to the end?  |
| quiesced          | Did the system come to rest before it was read?                            |
| nothing_crashed   | Did every process live, except those that the scenario ended?              |

Durations in parameters are of life and divided by the run's pace. Those that say "real" are not:
a computer does not speed up with the story. A check never raises; what it cannot tell is
`inconclusive`, and a step named in parameters that never happened is such a case.

A stack's own checks are made from the same parts: `Check`, the parameter types `Names`, `Fields`
and `Ledger`, and the functions below that read outages, requests and final reads off a history.
"""

from . import (  # noqa: F401 - importing a module registers its check
    backlog_drains,
    errors_subside,
    exactly_once,
    fallback,
    faults_bite,
    generator_healthy,
    honest_answers,
    leaves_fallback,
    no_storm,
    nothing_crashed,
    notices,
    quiesced,
    stages_in_order,
    stays_automatic,
    steady_state,
)
from ._check import CHECKS, Check, Result, Verdict
from ._files import read_verdicts, write_verdicts
from ._final_read import FinalRead, Ledger, final_read
from ._judge import bind, judge_all, worst
from ._match import Fields, Names, heard_of, id_of, ident, matches, select
from ._outage import Outage, healed, lifted, outages, whole
from ._words import both, count, duration, listed, proof, quantile, real, share, took

__all__ = [
    "CHECKS",
    "Check",
    "Fields",
    "FinalRead",
    "Ledger",
    "Names",
    "Outage",
    "Result",
    "Verdict",
    "bind",
    "both",
    "count",
    "duration",
    "final_read",
    "healed",
    "heard_of",
    "id_of",
    "ident",
    "judge_all",
    "lifted",
    "listed",
    "matches",
    "outages",
    "proof",
    "quantile",
    "read_verdicts",
    "real",
    "select",
    "share",
    "took",
    "whole",
    "worst",
    "write_verdicts",
]
