"""The reference system: immigration services that depend on one data center, as small ASGI apps.

No module here imports the harness. Each service is a module with `create(world)`, which builds the
application from its dependencies (clock, ids, HTTP, store, journal, log), and `app`, a factory that
takes them from the process's environment, for `uvicorn --factory`. `API.md` describes the HTTP
interfaces and the events that services log.
"""
