"""The first moments of a child: its own session, its own output, and no way to outlive us.

Everything here runs between fork and exec, or, for an ASGI service, instead of exec.
"""

import gc
import importlib
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from .. import _process
from .._wire import Recipe


def fork(recipe: Recipe, out: int, err: int) -> int:
    """Start `recipe` with its output in `out` and `err`; its pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _become(recipe, parent, out, err)
        if recipe.app:
            _serve(recipe)
        else:
            _execute(recipe)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - nothing may return into the supervisor's frames
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _become(recipe: Recipe, parent: int, out: int, err: int) -> None:
    gc.freeze()  # the supervisor's sockets must not be closed by this process's collector
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((null, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
    os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)  # noqa: PTH208
    if recipe.group is not None and recipe.user is not None:
        os.setgroups([])
        os.setgid(recipe.group)
        os.setuid(recipe.user)
    _process.die_with_parent(parent)  # after setuid, which would undo it
    _process.set_name(recipe.service)
    os.chdir(recipe.directory)


def _execute(recipe: Recipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvpe(recipe.argv[0], recipe.argv, recipe.environment)  # noqa: S606 - no shell
    except OSError as error:
        sys.exit(f"harness: cannot run {recipe.argv[0]!r}: {error.strerror}")


def _serve(recipe: Recipe) -> None:
    os.environ.clear()
    os.environ.update(recipe.environment)
    sys.argv = [recipe.app]
    sys.stdout, sys.stderr = _text_to(1), _text_to(2)  # ours were opened on a file, not a pipe
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python starts with
    path = [recipe.directory, str(Path.cwd())]
    sys.path[:0] = [entry for entry in path if entry not in sys.path]
    importlib.import_module("harness.stack.local.supervisor._app").serve(
        recipe.app, recipe.port, recipe.grace
    )


def _text_to(descriptor: int) -> TextIO:
    return open(
        descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
