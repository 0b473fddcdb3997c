"""Questions about a history, one module each; the same for live, simulated and received runs.

    verdicts = judge_all(history, scenario.expect)

| check             | question                                                                     |
|-------------------|------------------------------------------------------------------------------|
| faults_bite       | Was every fault of the scenario verified, and healed again?                  |
| generator_healthy | Was the load sent as planned, or was the load generator the bottleneck?      |
| steady_state      | Was the system well before the first fault, so that there is a baseline?     |
| fallback          | Did the services fall back in time, stay in fallback, and keep serving?      |
| leaves_fallback   | Did every service leave its fallback in time after recovery?                 |
| honest_answers    | Is every answer that claims to be from the central system backed by it?      |
| exactly_once      | Is everything acknowledged stored exactly once, and nothing else?            |
| stays_automatic   | Did services outside the blast radius keep working as before?                |
| stages_in_order   | Did all stages come back in the plan's order, step by step?                  |
| no_storm          | Did recovery keep the requests that reach the data center within bounds?     |
| backlog_drains    | Did the backlog only shrink after recovery, and reach zero in time?          |
| errors_subside    | When load returned to normal, did errors and goodput as well?                |
| notices           | Were notices in time, frequent enough, in every language, until the end?     |
| quiesced          | Was the system quiescent before it was read?                                 |
| nothing_crashed   | Did every process keep running, except those that the scenario stopped?      |

Durations in parameters are in scenario time and are divided by the run's pace, except where the
description says wall-clock time: those are limits of the computer, which does not get faster with
the pace. A check never raises; what it cannot decide is `inconclusive`, for example when a step
that its parameters name was never injected.

A stack's own checks are made from the same parts: `Check`, the parameter types `Services`, `Steps`
and `Ledger` (a name in them that does not exist is refused before a run), `Names` (any other names)
and `Fields`, and the functions below that read outages, requests and final reads from a history.
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
from ._check import CHECKS, Check, Result, Verdict, as_evidence
from ._durations import duration_text, elapsed_text, measured_duration, wall_seconds
from ._files import read_verdicts, write_verdicts
from ._final_read import FinalRead, Ledger, final_read
from ._judge import bind, judge_all, worst
from ._match import Fields, Names, as_id, id_of, matches, select_requests, unmentioned_text
from ._named import Named, NamesOf, OptionalService, Services, Steps, named
from ._outage import Outage, combined_outage, heal_start, healed_outage, outages
from ._statistics import quantile
from ._text import count_text, list_text, percent_text, too_few_text

__all__ = [
    "CHECKS",
    "Check",
    "Fields",
    "FinalRead",
    "Ledger",
    "Named",
    "Names",
    "NamesOf",
    "OptionalService",
    "Outage",
    "Result",
    "Services",
    "Steps",
    "Verdict",
    "as_evidence",
    "as_id",
    "bind",
    "combined_outage",
    "count_text",
    "duration_text",
    "elapsed_text",
    "final_read",
    "heal_start",
    "healed_outage",
    "id_of",
    "judge_all",
    "list_text",
    "matches",
    "measured_duration",
    "named",
    "outages",
    "percent_text",
    "quantile",
    "read_verdicts",
    "select_requests",
    "too_few_text",
    "unmentioned_text",
    "wall_seconds",
    "worst",
    "write_verdicts",
]
