"""Load: journeys without I/O, and the process of Locust's that sends them open-loop and on time.

    from harness.load import Arrival, Pause, Request       what a journeys module is written with
    from harness.load import check_journeys                 what can be wrong with one, beforehand
    from harness.load import LoadConfig, LoadProcess        what a run starts
    from harness.load import DistributedLoad, LocalWorkers  the same, shared among workers
    from harness.load import attach_recorder                records a locustfile of one's own

Importing this room imports neither Locust nor gevent, which would patch the whole process.
"""

from ._attach import attach_recorder
from ._config import LoadConfig, read_config
from ._contract import Arrival, Journey, Journeys, Outcome, Pause, Request, Response
from ._distributed import DistributedLoad, RunLoad
from ._journeys import check_journeys, draw_arrivals, load_journeys, share
from ._outcome import classify
from ._process import LoadProcess
from ._recorder import FLUSH_EVERY, Recorder, RecorderError
from ._workers import LocalWorkers, Workers

__all__ = [
    "FLUSH_EVERY",
    "Arrival",
    "DistributedLoad",
    "Journey",
    "Journeys",
    "LoadConfig",
    "LoadProcess",
    "LocalWorkers",
    "Outcome",
    "Pause",
    "Recorder",
    "RecorderError",
    "Request",
    "Response",
    "RunLoad",
    "Workers",
    "attach_recorder",
    "check_journeys",
    "classify",
    "draw_arrivals",
    "load_journeys",
    "read_config",
    "share",
]
