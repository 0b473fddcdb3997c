"""Fork a service: with its own session and output, and killed when the supervisor ends.

All of this runs in the child, between fork and exec, or for an ASGI service instead of exec.
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
from .._messages import ProcessSpec


def fork(spec: ProcessSpec, out: int, err: int) -> int:
    """Start a process with the descriptors `out` and `err` as stdout and stderr; return its pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _set_up_child(spec, parent, out, err)
        if spec.app:
            _serve(spec)
        else:
            _execute(spec)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - a child must never return into the supervisor's frames
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _set_up_child(spec: ProcessSpec, parent: int, out: int, err: int) -> None:
    gc.freeze()  # so that the child's garbage collector does not close the supervisor's sockets
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((null, 0), (out, 1), (err, 2)):
        os.dup2(descriptor, standard)
    os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)  # noqa: PTH208
    if spec.group is not None and spec.user is not None:
        os.setgroups([])
        os.setgid(spec.group)
        os.setuid(spec.user)
    _process.die_with_parent(parent)  # after setuid, which would clear it
    _process.set_name(spec.service)
    os.chdir(spec.directory)


def _execute(spec: ProcessSpec) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execvpe(spec.argv[0], spec.argv, spec.environment)  # noqa: S606 - no shell
    except OSError as error:
        sys.exit(f"harness: cannot run {spec.argv[0]!r}: {error.strerror}")


def _serve(spec: ProcessSpec) -> None:
    os.environ.clear()
    os.environ.update(spec.environment)
    sys.argv = [spec.app]
    # The inherited ones were opened on a file, not a pipe.
    sys.stdout, sys.stderr = _text_to(1), _text_to(2)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # Python's default, which SIG_DFL above replaced
    path = [spec.directory, str(Path.cwd())]
    sys.path[:0] = [entry for entry in path if entry not in sys.path]
    importlib.import_module("harness.stack.local.supervisor._app").serve(
        spec.app, spec.port, spec.grace
    )


def _text_to(descriptor: int) -> TextIO:
    return open(
        descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
