"""Serve one ASGI application with uvicorn. The supervisor imports this; its forks call it."""

import importlib
import sys
from typing import Any

import uvicorn


def serve(factory: str, port: int, grace: float) -> None:
    """Serve the app of `factory` on `port` until SIGTERM; write errors to stderr.

    `grace` is the service's stop grace period in wall-clock seconds; open requests get half of it.
    """
    config = uvicorn.Config(
        _find(factory),
        factory=True,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        # Longer than that of clients: otherwise the server may close a connection that a client
        # is just sending a request on.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, int(grace / 2)),
    )
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        sys.exit(3)


def _find(factory: str) -> Any:
    module, _, name = factory.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(found, part):
            sys.exit(f"harness: {module} has no {name!r}; correct x-harness.app: {factory}")
        found = getattr(found, part)
    return found
