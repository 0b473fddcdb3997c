"""The compose backend: the stack in containers, from the same file that Compose is given.

    stack = BACKEND.make_stack(spec, Path("runs/x"))
    stack.start(settings, lines=print_line, nodes=print_node)
    stack.kill("shop")
    stack.close()

Docker Compose creates and removes the project (`_command`); everything else goes through the
engine's API. Every container, network and volume of the project has the harness's label, and the
harness changes nothing without that label. It must reach the containers' addresses, so it runs on
the engine's machine (docs/compose.md).
"""

from ._backend import BACKEND

__all__ = ["BACKEND"]
