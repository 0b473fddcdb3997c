"""The local backend: run a stack as processes of this machine on loopback, without Docker.

    with BACKEND.make_stack(spec, Path(".harness/stack")) as stack:
        stack.start(settings, lines=print_line, nodes=print_node)
        stack.kill("shop")
        stack.launch("shop")

`LocalStack` is the client; `supervisor` is the process that runs the services, and that the client
sends requests to (`_messages`).
"""

from ._backend import BACKEND
from ._stack import LocalStack

__all__ = ["BACKEND", "LocalStack"]
