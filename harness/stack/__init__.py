"""The services and the links between them, and the rungs on which they run.

spec = read_stack(Path("."), os.environ)
"""

from ._compose_file import read_stack
from ._protocol import LineSink, NodeSink, NodeStatus, Settings, Stack
from ._spec import AppRun, CommandRun, Link, PostgresRun, Run, Service, StackSpec

__all__ = [
    "AppRun",
    "CommandRun",
    "LineSink",
    "Link",
    "NodeSink",
    "NodeStatus",
    "PostgresRun",
    "Run",
    "Service",
    "Settings",
    "Stack",
    "StackSpec",
    "read_stack",
]
