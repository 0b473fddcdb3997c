"""Walks the arrow: Stack + Scenario -> History -> Verdicts -> evidence and an exit code.

outcome = execute(prepare("pdns2_2024", Path(".")), make_stack=LocalStack, base=Path("."))
outcome = judge(Path("runs/pdns2_2024-..."))
"""

from ._board import Board
from ._conductor import MakeStack, execute
from ._outcome import Outcome, Trouble, judge
from ._prepare import Prepared, bind, find_scenario, import_checks, prepare
from ._recorder import Recorder
from ._story import tell

__all__ = [
    "Board",
    "MakeStack",
    "Outcome",
    "Prepared",
    "Recorder",
    "Trouble",
    "bind",
    "execute",
    "find_scenario",
    "import_checks",
    "judge",
    "prepare",
    "tell",
]
