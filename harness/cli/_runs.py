"""`harness run` and `harness judge`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ._app import EXIT_CODES, app
from ._options import (
    HERE,
    BackendName,
    Build,
    StackDir,
    print_line,
    print_notice,
    require_directory,
)
from ._tables import print_outcome


@app.command(epilog=EXIT_CODES)
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A scenario's name, or its file.")
    ],
    *,
    on: BackendName = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of arrivals and fault draws.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for the evidence.")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Share the load among N Locust workers.")
    ] = 0,
    join: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Wait for N more workers on other hosts (docs/load.md)."
        ),
    ] = 0,
    stack: StackDir = HERE,
    build: Build = False,
) -> int:
    """Run a scenario on a stack of its own and judge it."""
    from harness.run import execute, load_maker, prepare, progress
    from harness.stack import get_backend

    console = Console(stderr=False)
    backend = get_backend(on)
    prepared = prepare(scenario, stack.resolve(), seed, backend=backend)
    make_load = load_maker(backend, workers=workers, remote_workers=join, announce=print_notice)
    if build:
        backend.build_images(stack.resolve(), print_line)
    with progress(console, f"{prepared.scenario.name} on {backend.name}") as watch:
        outcome = execute(
            prepared,
            backend=backend,
            make_load=make_load,
            base=stack.resolve(),
            out=out,
            watch=watch,
        )
    return print_outcome(console, outcome)


@app.command(epilog=EXIT_CODES)
def judge(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    stack: Annotated[
        Path | None,
        typer.Option(
            "--stack",
            metavar="DIR",
            callback=require_directory,
            help="Directory of the stack whose own checks judge (the run's stack, if it is here).",
        ),
    ] = None,
) -> int:
    """Judge a run again, from its files alone."""
    from harness.run import judge as judge_again

    return print_outcome(Console(), judge_again(folder, stack and stack.resolve()))
