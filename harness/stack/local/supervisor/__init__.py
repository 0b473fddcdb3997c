"""The process that runs a stack: `python -m harness.stack.local.supervisor DIR PARENT_FD LOCK_FD`.

    harness ──parent pipe──> reaper ──> supervisor ──fork──> an ASGI service, modules preloaded
                                                   ──exec──> a command, PostgreSQL, the Toxiproxy

No process survives its parent: the supervisor ends when its parent pipe closes, and the kernel
kills each service when the supervisor ends. The reaper inherits every orphan and kills it, removes
what the stack left on the disk, and ends last. See `_supervisor`, `_reaper`, `_child`.
"""
