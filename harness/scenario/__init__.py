"""What a scenario file says: typed, serialisable, without behaviour.

    from harness.scenario import Scenario, Load, FaultStep, Target, Expectation, load_scenario

    scenario = load_scenario(Path("experiments/provider_cut.scenario.yaml"))

A scenario names fault types and checks and gives their parameters. The rooms `chaos` and `checks`
implement them; `harness.run.prepare` validates the parameters.
"""

from ._bounded_yaml import BoundedLoader, RefusedError
from ._duration import Duration, check_duration, parse_duration, write_duration
from ._expectation import Expectation
from ._file import find_scenarios, load_scenario
from ._load import Load
from ._model import Model
from ._problems import one_line_problems
from ._scenario import Override, Scenario
from ._size import Size, parse_size, write_size
from ._timeline import Call, CallStep, FaultStep, Flap, Step, Target, When

__all__ = [
    "BoundedLoader",
    "Call",
    "CallStep",
    "Duration",
    "Expectation",
    "FaultStep",
    "Flap",
    "Load",
    "Model",
    "Override",
    "RefusedError",
    "Scenario",
    "Size",
    "Step",
    "Target",
    "When",
    "check_duration",
    "find_scenarios",
    "load_scenario",
    "one_line_problems",
    "parse_duration",
    "parse_size",
    "write_duration",
    "write_size",
]
