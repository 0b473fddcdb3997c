"""The services, the links between them, and the backends on which they run.

spec = read_stack(Path("."), os.environ)
stack = get_backend("local").make_stack(spec, state_dir)    # ends with this process
stack.start(Settings(pace=60), lines=..., nodes=...)
stack.close()

start_detached(Path("."), Settings(), get_backend("local")) # `harness up`; outlives this process
attach(Path(".")).status()
stop_detached(Path("."))

sweep(state_dir)                                            # what a crashed stack left there
"""

from ._backend import Backend, Capability, Finding
from ._backends import BACKENDS, backends_with, get_backend, owners
from ._compose_file import read_stack
from ._containers import ContainerStack, Engine, Record, Usage
from ._detached import attach, detached_state, print_logs, start_detached, stop_detached
from ._log_files import lost_lines
from ._protocol import Detachable, GoneError, LineSink, NodeSink, NodeStatus, Settings, Stack
from ._spec import AppRun, CommandRun, Link, PostgresRun, Run, Service, StackSpec
from ._spec_json import spec_from_json, spec_to_json
from ._sweep import is_used, sweep

__all__ = [
    "BACKENDS",
    "AppRun",
    "Backend",
    "Capability",
    "CommandRun",
    "ContainerStack",
    "Detachable",
    "Engine",
    "Finding",
    "GoneError",
    "LineSink",
    "Link",
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
    "backends_with",
    "detached_state",
    "get_backend",
    "is_used",
    "lost_lines",
    "owners",
    "print_logs",
    "read_stack",
    "spec_from_json",
    "spec_to_json",
    "start_detached",
    "stop_detached",
    "sweep",
]
