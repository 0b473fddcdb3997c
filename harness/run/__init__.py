"""Walks the arrow: Stack + Scenario -> History -> Verdicts -> evidence and an exit code.

outcome = execute(prepare("pdns2_2024", Path(".")), make_stack=LocalStack, base=Path("."))
outcome = judge(Path("runs/pdns2_2024-..."))
"""

from ._active import heal_everything, marked
from ._board import Board
from ._conductor import MakeLoad, MakeStack, execute, in_one_process
from ._doctor import Finding, diagnose
from ._outcome import Outcome, Trouble, expectations, judge
from ._prepare import Prepared, bind, find_scenario, import_checks, prepare
from ._progress import progress
from ._recorder import Recorder
from ._schema import scenario_schema
from ._story import tell

__all__ = [
    "Board",
    "Finding",
    "MakeLoad",
    "MakeStack",
    "Outcome",
    "Prepared",
    "Recorder",
    "Trouble",
    "bind",
    "diagnose",
    "execute",
    "expectations",
    "find_scenario",
    "heal_everything",
    "import_checks",
    "in_one_process",
    "judge",
    "marked",
    "prepare",
    "progress",
    "scenario_schema",
    "tell",
]
