"""`harness up`, `status`, `logs`, `down` and `heal`."""

import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from harness.errors import ExitCode

from ._app import app
from ._options import HERE, BackendName, Build, StackDir, print_line
from ._tables import print_status


@app.command()
def up(
    on: BackendName = None,
    stack: StackDir = HERE,
    pace: Annotated[
        float,
        typer.Option(metavar="P", min=0.001, help="Scenario seconds in one wall-clock second."),
    ] = 1.0,
    *,
    build: Build = False,
) -> int:
    """Start the stack and leave it running."""
    from harness.stack import Settings, get_backend, start_detached

    backend = get_backend(on)
    if build:
        backend.build_images(stack.resolve(), print_line)
    running = start_detached(stack.resolve(), Settings(pace=pace), backend)
    return print_status(Console(), running.status())


@app.command()
def status(stack: StackDir = HERE) -> int:
    """Show the services of the running stack."""
    from harness.stack import attach

    return print_status(Console(), attach(stack.resolve()).status())


@app.command()
def logs(
    service: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Services; default: all.")
    ] = None,
    stack: StackDir = HERE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> int:
    """Print the logs of the running stack's services."""
    from harness.stack import print_logs

    with suppress(KeyboardInterrupt):  # Ctrl-C is how following ends
        print_logs(stack.resolve(), service or [], follow=follow, write=sys.stdout.write)
    return ExitCode.PASS


@app.command()
def down(stack: StackDir = HERE) -> int:
    """Stop the running stack and remove what it made."""
    from harness.stack import stop_detached

    stop_detached(stack.resolve())
    return ExitCode.PASS


@app.command()
def heal(stack: StackDir = HERE) -> int:
    """Remove every fault and process that earlier runs left."""
    from harness.run import heal_everything

    for line in heal_everything(stack.resolve()):
        Console().print(line, markup=False)
    return ExitCode.PASS
