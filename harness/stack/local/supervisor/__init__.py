"""The process that runs a stack: `python -m harness.stack.local.supervisor STATE_DIR LEASH LOCK`.

    harness ──leash──> guardian ──> supervisor ──fork──> an ASGI service, from the warm parent
                                               ──exec──> a command, PostgreSQL, the Toxiproxy

Whatever dies first, the rest follows: the supervisor ends when its leash closes; the kernel kills
each service when the supervisor ends; the guardian inherits every orphan, ends it, removes what
the stack left on the disk, and goes last. See `_supervisor`, `_guardian`, `_child`.
"""
