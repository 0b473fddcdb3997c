"""The command line. Every command is one call into a room; errors are one line, never a trace.

Exit codes: 0 every check passed, 1 a check failed, 2 wrong usage or an invalid file, 3
inconclusive, 4 the stack or the harness failed, 5 something could not be healed.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness import __version__
from harness.errors import ExitCode, HarnessError

app = typer.Typer(
    name="harness",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Chaos tests for services that depend on one data center.",
)

_STATE = ".harness"

StackDir = Annotated[
    Path, typer.Option("--stack", metavar="DIR", help="Where the stack's docker-compose.yml is.")
]
Rung = Annotated[
    str, typer.Option("--on", metavar="RUNG", help="Where the stack runs: local or compose.")
]
_HERE = Path()


@app.callback(invoke_without_command=True)
def overview(context: typer.Context) -> None:
    """Chaos tests for services that depend on one data center."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name, or its file.")],
    *,
    on: Rung = "local",
    seed: Annotated[int | None, typer.Option(help="Other arrivals and fault draws.")] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder for the evidence.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Share the load among so many Locust workers.")
    ] = 0,
    join: Annotated[
        int, typer.Option(min=0, help="Wait for more workers, on other hosts (docs/load.md).")
    ] = 0,
    stack: StackDir = _HERE,
) -> int:
    """Run a scenario against a stack of its own, judge it, and leave the evidence."""
    from harness._rungs import load, rung
    from harness.run import execute, prepare, progress

    console = Console(stderr=False)
    make = rung(on)
    prepared = prepare(scenario, stack.resolve(), seed, rung=on)
    make_load = load(on, workers, join, _announce)
    with progress(console, f"{prepared.scenario.name} on {on}") as watch:
        outcome = execute(
            prepared,
            make_stack=make,
            make_load=make_load,
            base=stack.resolve(),
            out=out,
            watch=watch,
        )
    return _show(console, outcome)


@app.command()
def judge(
    folder: Annotated[Path, typer.Argument(help="The folder of a run.")],
    stack: Annotated[
        Path | None,
        typer.Option("--stack", metavar="DIR", help="Where the stack's own checks are now."),
    ] = None,
) -> int:
    """Judge a run again, from its files alone."""
    from harness.run import judge as judge_again

    return _show(Console(), judge_again(folder, stack and stack.resolve()))


@app.command()
def up(
    on: Rung = "local",
    stack: StackDir = _HERE,
    pace: Annotated[float, typer.Option(min=0.001)] = 1.0,
) -> int:
    """Start the stack and leave it running."""
    from harness._rungs import rung
    from harness.stack import Settings, start_detached

    running = start_detached(stack.resolve(), Settings(pace=pace), rung(on))
    return _status(running.status())


@app.command()
def status(stack: StackDir = _HERE) -> int:
    """Show the services of the running stack."""
    from harness.stack import attach

    return _status(attach(stack.resolve()).status())


@app.command()
def logs(
    service: Annotated[list[str] | None, typer.Argument(help="Services; all without.")] = None,
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
    """Take back every fault and process that an earlier run may have left."""
    from harness.run import heal_everything

    for line in heal_everything(stack.resolve()):
        Console().print(line, markup=False)
    return ExitCode.PASS


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def proxy(context: typer.Context) -> int:
    """Run the embedded Toxiproxy-compatible server; takes its options (see `proxy -help`)."""
    from harness.proxy import main as serve

    return serve(context.args)


@app.command()
def doctor(stack: StackDir = _HERE) -> int:
    """Say what this machine has and what that means for a run."""
    from harness.run import diagnose

    table = Table("what", "found", "means", box=None)
    findings = diagnose(stack.resolve())
    for finding in findings:
        style = "" if finding.good else "red"
        table.add_row(*map(Text, (finding.what, finding.found, finding.means)), style=style)
    Console().print(table)
    return ExitCode.PASS if all(finding.good for finding in findings) else ExitCode.BROKEN


images = typer.Typer(help="Images for the Compose rung.", no_args_is_help=True)
app.add_typer(images, name="images")


@images.command()
def build(stack: StackDir = _HERE) -> int:
    """Make equal images where no registry is reachable, from Debian, PyPI and Go's proxy."""
    from harness.images import build_images

    build_images(stack.resolve(), lambda line: sys.stdout.write(f"{line}\n"))
    return ExitCode.PASS


@app.command()
def schema(stack: StackDir = _HERE) -> int:
    """Print the JSON Schema of `*.scenario.yaml`, with every fault and check of this stack."""
    import json

    from harness.run import scenario_schema

    sys.stdout.write(json.dumps(scenario_schema(stack.resolve()), indent=1) + "\n")
    return ExitCode.PASS


@app.command()
def version() -> int:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")
    return ExitCode.PASS


def _announce(text: str) -> None:
    sys.stderr.write(f"harness: {text}\n")


_STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}


def _show(console: Console, outcome: Any) -> int:
    table = Table("verdict", "expectation", "reason", box=None, pad_edge=False)
    for verdict in outcome.verdicts:
        # As Text: what checks say may look like rich's markup, and is none.
        result = Text(verdict.result, style=_STYLES[verdict.result])
        table.add_row(result, Text(verdict.name), Text(verdict.reason))
    console.print(table)
    for text in outcome.trouble.all:
        console.print(text, style="bold red", markup=False, soft_wrap=True)
    console.print(f"report: {outcome.folder / 'report.html'}", markup=False, soft_wrap=True)
    return int(outcome.exit_code)


def _status(rows: list[Any]) -> int:
    table = Table("service", "state", "ready", "pid", "address", "detail", box=None)
    for row in rows:
        ready = "yes" if row.ready else "no"
        cells = (row.service, row.state, ready, str(row.pid or ""), row.address or "", row.detail)
        table.add_row(*map(Text, cells))
    Console().print(table)
    return ExitCode.PASS if all(row.ready for row in rows) else ExitCode.BROKEN


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
        code = ExitCode.INCONCLUSIVE
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
    sys.exit(int(code or 0))
