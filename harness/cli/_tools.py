"""`harness proxy`, `doctor`, `images`, `schema` and `version`."""

import json
import sys

import typer
from rich.console import Console

from harness import __version__
from harness.errors import ExitCode

from ._app import app, print_help
from ._options import HERE, StackDir, print_line
from ._tables import print_table


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def proxy(context: typer.Context) -> int:
    """Run the embedded Toxiproxy-compatible server."""
    from harness.proxy import main as serve

    # toxiproxy-server parses its flags with Go's flag package, which accepts `-help`.
    return serve(["--help" if word == "-help" else word for word in context.args])


@app.command()
def doctor(stack: StackDir = HERE) -> int:
    """Show what this machine has of what a run needs."""
    from harness.run import diagnose

    findings = diagnose(stack.resolve())
    print_table(
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
    if context.invoked_subcommand is None:
        print_help(context)


@images.command("build")
def images_build(stack: StackDir = HERE) -> int:
    """Pull or build the stack's images; make equal ones if no registry answers."""
    from harness.stack import backends_with, get_backend

    for name in backends_with("images"):
        get_backend(name).build_images(stack.resolve(), print_line)
    return ExitCode.PASS


@app.command()
def schema(stack: StackDir = HERE) -> int:
    """Print the JSON Schema of this stack's scenarios."""
    from harness.run import scenario_schema

    sys.stdout.write(json.dumps(scenario_schema(stack.resolve()), indent=1) + "\n")
    return ExitCode.PASS


@app.command()
def version() -> int:
    """Print the version."""
    sys.stdout.write(f"{__version__}\n")
    return ExitCode.PASS
