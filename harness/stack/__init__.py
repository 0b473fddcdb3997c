"""The services and the links between them, and the rungs on which they run.

spec = read_stack(Path("."), os.environ)
stack = LocalStack(spec, state_dir)             # the local rung; ends with this process
stack.start(Settings(pace=60), lines=..., nodes=...)
stack.close()                                   # harness.stack.compose: ComposeStack, likewise

start_detached(Path("."), Settings())           # `harness up`; outlives this process
attach(Path(".")).status()
stop_detached(Path("."))

sweep(state_dir)                                # what a crashed stack left there
"""

from ._compose_file import read_stack
from ._contained import Contained, Engine, Record, Usage
from ._detached import attach, detached_state, print_logs, start_detached, stop_detached
from ._protocol import Detachable, GoneError, LineSink, NodeSink, NodeStatus, Settings, Stack
from ._spec import AppRun, CommandRun, Link, PostgresRun, Run, Service, StackSpec
from ._spec_json import spec_from_json, spec_to_json
from ._sweep import in_containers, sweep
from .local import LocalStack, service_logs

__all__ = [
    "AppRun",
    "CommandRun",
    "Contained",
    "Detachable",
    "Engine",
    "GoneError",
    "LineSink",
    "Link",
    "LocalStack",
    "NodeSink",
    "NodeStatus",
    "PostgresRun",
    "Record",
    "Run",
    "Service",
    "Settings",
    "Stack",
    "StackSpec",
    "Usage",
    "attach",
    "detached_state",
    "in_containers",
    "print_logs",
    "read_stack",
    "service_logs",
    "spec_from_json",
    "spec_to_json",
    "start_detached",
    "stop_detached",
    "sweep",
]
