"""The typer application, and how errors become messages and exit codes."""

import os
import sys
from typing import Annotated

import typer

from harness import __version__
from harness.errors import ExitCode, HarnessError

EXIT_CODES = (
    "Exit codes: 0 every check passed, 1 a check failed, 2 wrong usage or an invalid file, "
    "3 inconclusive, 4 the stack or the harness failed, 5 something could not be healed."
)

_INTERRUPTED = 130
"""The exit code that typer gives to Ctrl-C outside a run; a run handles the signal itself."""

app = typer.Typer(
    name="harness",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Chaos tests for services that depend on one data center.",
    epilog=EXIT_CODES,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"harness {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def overview(
    context: typer.Context,
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Chaos tests for services that depend on one data center."""
    del version
    if context.invoked_subcommand is None:
        print_help(context)


def print_help(context: typer.Context) -> None:
    """Print the help of a command that needs a subcommand and was given none."""
    sys.stdout.write(context.get_help() + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Run the `harness` command with `arguments` (default: `sys.argv`) and exit the process."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="harness", standalone_mode=False)
        sys.stdout.flush()
    except HarnessError as error:
        sys.stderr.write(f"harness: {error}\n")
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except BrokenPipeError:  # as in `harness schema | head`: the reader needs no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.PASS
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        message = error.strerror or error
        sys.stderr.write(f"harness: {place}{message}; check free space and permissions\n")
        code = ExitCode.BROKEN
    except Exception as error:
        # click's own errors, such as an unknown option, have this method; others are bugs.
        if not hasattr(error, "format_message"):
            raise
        sys.stderr.write(f"harness: {error.format_message()}\n")
        code = ExitCode.USAGE
    if code == _INTERRUPTED:
        sys.stderr.write("harness: interrupted\n")
        code = ExitCode.INCONCLUSIVE
    sys.exit(int(code or 0))
