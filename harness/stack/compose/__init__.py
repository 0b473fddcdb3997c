"""The compose backend: the stack in containers, from the same file that Compose is given.

    stack = BACKEND.make_stack(spec, Path("runs/x"))
    stack.start(settings, lines=print_line, nodes=print_node)
    stack.kill("shop")
    stack.close()

Compose makes and removes the project (`_command`); everything between goes through the engine's
API. Whatever is the project's bears its label, and so does whatever is touched. The harness must
reach the containers' own addresses, so it runs where the engine runs (docs/compose.md).
"""

from ._backend import BACKEND

__all__ = ["BACKEND"]
