"""Walks the arrow: Stack + Scenario -> History -> Verdicts -> evidence and an exit code.

prepared = prepare("db_cut", Path("."))
outcome = execute(prepared, backend=get_backend("local"), base=Path("."))
outcome = judge(Path("runs/db_cut-..."))
"""

from ._active import heal_everything, marked
from ._doctor import diagnose
from ._live_state import LiveState
from ._load import MakeLoad, load_maker, single_process
from ._outcome import Outcome, RunErrors, expectations, judge
from ._prepare import Prepared, bind, find_scenario, import_checks, prepare
from ._progress import progress
from ._recorder import Recorder
from ._runner import execute
from ._schema import scenario_schema
from ._story import describe

__all__ = [
    "LiveState",
    "MakeLoad",
    "Outcome",
    "Prepared",
    "Recorder",
    "RunErrors",
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
