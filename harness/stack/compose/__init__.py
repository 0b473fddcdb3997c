"""The compose rung: the stack in containers, from the same file that Compose is given.

    stack = ComposeStack(spec, Path("runs/x"))
    stack.start(settings, lines=print_line, nodes=print_node)
    stack.kill("border")
    stack.close()

Compose makes and removes the project (`_command`); everything between goes through the engine's
API. Whatever is the project's bears its label, and so does whatever is touched. The harness must
reach the containers' own addresses, so it runs where the engine runs (docs/compose.md).
"""

from ._command import Compose
from ._engine import connect, told
from ._faults import restore
from ._images import Images, read_images
from ._print import print_container_logs
from ._stack import ComposeStack
from ._sweep import lives_at, sweep_project, was_left_running
from ._workers import ContainerWorkers

__all__ = [
    "Compose",
    "ComposeStack",
    "ContainerWorkers",
    "Images",
    "connect",
    "lives_at",
    "print_container_logs",
    "read_images",
    "restore",
    "sweep_project",
    "told",
    "was_left_running",
]
