"""The reference system: immigration services behind one data center, as small ASGI apps.

Nothing here knows the harness. Each service is a module with `create(world)`, which builds the
application from what it is given (clock, ids, HTTP, store, journal, log), and `app`, the same
from the process's environment, for uvicorn's `--factory`. `API.md` has the HTTP interfaces and
the events that services log.
"""
