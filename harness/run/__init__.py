"""Runs scenarios: Stack + Scenario -> History -> Verdicts -> evidence and an exit code.

    prepared = prepare("payment_outage", Path("."))
    outcome = execute(prepared, backend=get_backend("local"), base=Path("."))
    outcome = judge(Path("runs/payment_outage-..."))

A run has one clock, which its backend makes and `execute` hands to everything that needs the time,
and one live state (`LiveState`), from which every view of the run is derived.
"""

from ._active import heal_everything, marked
from ._doctor import diagnose
from ._errors import RunErrors
from ._live_state import LiveState
from ._load import MakeLoad, load_maker, single_process
from ._messages import Message, describe
from ._outcome import Outcome, expectations, judge
from ._prepare import Prepared, bind, find_scenario, import_checks, prepare
from ._progress import Watch, progress
from ._recorder import Recorder
from ._runner import execute
from ._schema import scenario_schema
from ._snapshot import ActiveFault, Snapshot, StageState

__all__ = [
    "ActiveFault",
    "LiveState",
    "MakeLoad",
    "Message",
    "Outcome",
    "Prepared",
    "Recorder",
    "RunErrors",
    "Snapshot",
    "StageState",
    "Watch",
    "bind",
    "describe",
    "diagnose",
    "execute",
    "expectations",
    "find_scenario",
    "heal_everything",
    "import_checks",
    "judge",
    "load_maker",
    "marked",
    "prepare",
    "progress",
    "scenario_schema",
    "single_process",
]
