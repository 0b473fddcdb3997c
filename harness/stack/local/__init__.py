"""The local backend: the stack as operating system processes on loopback, without Docker.

    with BACKEND.make_stack(spec, Path(".harness/stack")) as stack:
        stack.start(settings, lines=print_line, nodes=print_node)
        stack.kill("shop")
        stack.launch("shop")

`LocalStack` is the harness's side; `supervisor` is the process that runs the services.
"""

from ._backend import BACKEND
from ._stack import LocalStack

__all__ = ["BACKEND", "LocalStack"]
