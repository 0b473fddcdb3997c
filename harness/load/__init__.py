"""Load: journeys free of I/O, and the Locust process that sends their requests on schedule.

    from harness.load import Arrival, Pause, Request       to write a journeys module
    from harness.load import check_journeys                 to find its mistakes before a run
    from harness.load import LoadConfig, LoadProcess        to send the load of a run
    from harness.load import DistributedLoad, LocalWorkers  to share it among workers
    from harness.load import attach_recorder                to record your own locustfile

The load is open: arrivals start at their scheduled times, however slow the system is. Importing
this room imports neither Locust nor gevent, which would patch the whole process.
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
