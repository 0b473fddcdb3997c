"""The local rung: the stack as operating system processes on loopback, without Docker.

    with LocalStack(spec, Path(".harness/stack")) as stack:
        stack.start(settings, lines=print_line, nodes=print_node)
        stack.kill("border")
        stack.launch("border")

`LocalStack` is the harness's side; `supervisor` is the process that runs the services.
"""

from ._stack import LocalStack
from ._sweep import service_logs, sweep

__all__ = ["LocalStack", "service_logs", "sweep"]
