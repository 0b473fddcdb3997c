"""The command line. Every command is one call into a room; errors are one line, never a trace.

Exit codes: 0 every check passed, 1 a check failed, 2 wrong usage or an invalid file, 3
inconclusive, 4 the stack or the harness failed, 5 something could not be healed.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness import __version__
from harness._tables import show_outcome, show_status, show_table
from harness.errors import ExitCode, HarnessError, UsageError

_CODES = (
    "Exit codes: 0 every check passed, 1 a check failed, 2 wrong usage or an invalid file, "
    "3 inconclusive, 4 the stack or the harness failed, 5 something could not be healed."
)

app = typer.Typer(
    name="harness",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Chaos tests for services that depend on one data center.",
    epilog=_CODES,
)


def _directory(path: Path | None) -> Path | None:
    """Refuse a `--stack` that is not there: nothing is running in it, and nothing is left of it."""
    if path is not None and not path.is_dir():
        what = f"--stack {path}: is no directory"
        raise UsageError(f"{what}; name the one in which the stack's docker-compose.yml is")
    return path


StackDir = Annotated[
    Path,
    typer.Option(
        "--stack",
        metavar="DIR",
        callback=_directory,
        help="Where the stack's docker-compose.yml is.",
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="BACKEND", help="Where the stack runs; harness doctor lists the backends."
    ),
]
Build = Annotated[
    bool, typer.Option("--build", help="Before, as harness images build: for --on compose.")
]
_HERE = Path()


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Chaos tests for services that depend on one data center."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


@app.command(epilog=_CODES)
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A scenario's name, or its file.")
    ],
    *,
    on: BackendName = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Other arrivals and fault draws.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for the evidence.")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Share the load among so many Locust workers.")
    ] = 0,
    join: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Wait for more workers, on other hosts (docs/load.md)."
        ),
    ] = 0,
    stack: StackDir = _HERE,
    build: Build = False,
) -> int:
    """Run a scenario on a stack of its own, judge it, leave evidence."""
    from harness.run import execute, load_maker, prepare, progress
    from harness.stack import get_backend

    console = Console(stderr=False)
    backend = get_backend(on)
    prepared = prepare(scenario, stack.resolve(), seed, backend=backend)
    make_load = load_maker(backend, workers=workers, guests=join, announce=_announce)
    if build:
        backend.build_images(stack.resolve(), _print_line)
    with progress(console, f"{prepared.scenario.name} on {backend.name}") as watch:
        outcome = execute(
            prepared,
            backend=backend,
            make_load=make_load,
            base=stack.resolve(),
            out=out,
            watch=watch,
        )
    return show_outcome(console, outcome)


@app.command(epilog=_CODES)
def judge(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    stack: Annotated[
        Path | None,
        typer.Option(
            "--stack",
            metavar="DIR",
            callback=_directory,
            help="Where the stack's own checks are now.",
        ),
    ] = None,
) -> int:
    """Judge a run again, from its files alone."""
    from harness.run import judge as judge_again

    return show_outcome(Console(), judge_again(folder, stack and stack.resolve()))


@app.command()
def up(
    on: BackendName = None,
    stack: StackDir = _HERE,
    pace: Annotated[
        float, typer.Option(metavar="P", min=0.001, help="Seconds of life in one second.")
    ] = 1.0,
    *,
    build: Build = False,
) -> int:
    """Start the stack and leave it running."""
    from harness.stack import Settings, get_backend, start_detached

    backend = get_backend(on)
    if build:
        backend.build_images(stack.resolve(), _print_line)
    running = start_detached(stack.resolve(), Settings(pace=pace), backend)
    return show_status(Console(), running.status())


@app.command()
def status(stack: StackDir = _HERE) -> int:
    """Show the services of the running stack."""
    from harness.stack import attach

    return show_status(Console(), attach(stack.resolve()).status())


@app.command()
def logs(
    service: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Services; all without.")
    ] = None,
    stack: StackDir = _HERE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> int:
    """Print what the services of the running stack have logged."""
    from harness.stack import print_logs

    with suppress(KeyboardInterrupt):  # how following ends
        print_logs(stack.resolve(), service or [], follow=follow, write=sys.stdout.write)
    return ExitCode.PASS


@app.command()
def down(stack: StackDir = _HERE) -> int:
    """Stop the running stack; nothing of it is left."""
    from harness.stack import stop_detached

    stop_detached(stack.resolve())
    return ExitCode.PASS


@app.command()
def heal(stack: StackDir = _HERE) -> int:
    """Take back every fault and process that earlier runs left."""
    from harness.run import heal_everything

    for line in heal_everything(stack.resolve()):
        Console().print(line, markup=False)
    return ExitCode.PASS


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def proxy(context: typer.Context) -> int:
    """Run the embedded Toxiproxy-compatible server."""
    from harness.proxy import main as serve

    # Go's flags, which the original has, know `-help` as well.
    return serve(["--help" if word == "-help" else word for word in context.args])


@app.command()
def doctor(stack: StackDir = _HERE) -> int:
    """Say what this machine has and what that means for a run."""
    from harness.run import diagnose

    findings = diagnose(stack.resolve())
    show_table(
        Console(),
        ("what", "found", "means"),
        [(finding.what, finding.found, finding.means) for finding in findings],
        ["" if finding.good else "red" for finding in findings],
    )
    return ExitCode.PASS if all(finding.good for finding in findings) else ExitCode.BROKEN


images = typer.Typer()
app.add_typer(images, name="images")


@images.callback(invoke_without_command=True)
def images_overview(context: typer.Context) -> None:
    """Images for backends that run containers."""
    overview(context)


@images.command("build")
def images_build(stack: StackDir = _HERE) -> int:
    """Pull or build the stack's images; make equal ones if no registry answers."""
    from harness.stack import backends_with, get_backend

    for name in backends_with("images"):
        get_backend(name).build_images(stack.resolve(), _print_line)
    return ExitCode.PASS


@app.command()
def schema(stack: StackDir = _HERE) -> int:
    """Print the JSON Schema of scenarios of this stack."""
    import json

    from harness.run import scenario_schema

    sys.stdout.write(json.dumps(scenario_schema(stack.resolve()), indent=1) + "\n")
    return ExitCode.PASS


@app.command()
def version() -> int:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")
    return ExitCode.PASS


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _announce(text: str) -> None:
    sys.stderr.write(f"harness: {text}\n")


_INTERRUPTED = 130
"""What typer makes of Ctrl-C, where no run is under way that would end in order."""


def main(arguments: list[str] | None = None) -> None:
    """What the `harness` command runs; exits the process."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="harness", standalone_mode=False)
        sys.stdout.flush()
    except HarnessError as error:
        sys.stderr.write(f"harness: {error}\n")
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:  # `harness schema | head`: who read has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.PASS
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"harness: {place}{error.strerror or error}; check disk and rights\n")
        code = ExitCode.BROKEN
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        sys.stderr.write(f"harness: {error.format_message()}\n")
        code = ExitCode.USAGE
    if code == _INTERRUPTED:
        sys.stderr.write("harness: interrupted\n")
        code = ExitCode.INCONCLUSIVE
    sys.exit(int(code or 0))
