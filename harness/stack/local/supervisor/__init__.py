"""The process that runs a stack: `python -m harness.stack.local.supervisor STATE_DIR PARENT_PIPE LOCK`.

    harness ──parent_pipe──> reaper ──> supervisor ──fork──> an ASGI service, from the warm parent
                                               ──exec──> a command, PostgreSQL, the Toxiproxy

Whatever dies first, the rest follows: the supervisor ends when its parent_pipe closes; the kernel kills
each service when the supervisor ends; the reaper inherits every orphan, ends it, removes what
the stack left on the disk, and goes last. See `_supervisor`, `_reaper`, `_child`.
"""
