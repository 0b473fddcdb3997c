"""A TCP proxy for fault injection, compatible with Toxiproxy 2.12.

Start it with `harness proxy` or `python -m harness.proxy`; it takes the options of
`toxiproxy-server`. Then use its HTTP API:

    python -m harness.proxy --port 8474

    curl -d '{"name": "db", "listen": "127.0.0.1:25432", "upstream": "127.0.0.1:5432"}' \\
        localhost:8474/proxies
    curl -d '{"type": "latency", "attributes": {"latency": 500}}' localhost:8474/proxies/db/toxics
    curl -X PATCH -d '{"enabled": false}' localhost:8474/proxies/db

Every Toxiproxy client works with it unchanged. docs/proxy.md lists the differences, which are
requests of Toxiproxy's users: no API call can block or crash it, `--seed` works, toxics can have
a lease, and there are more toxics.

Modules, from the outside in:

    _main              command line, signals     _proxy             listener and connections
    _http, _api        the control API           _toxic_collection  the toxics of a proxy
    _proxy_request,                              _connection        a client and its upstream
      _toxic_request   parsed request bodies     _link, _chain      one direction of a connection
    _proxy_collection  all proxies               _stub              runs one toxic in one link
    _loop              event loop, one thread    toxics/            one file for each toxic

Imports only point down this list. Where a part needs the one that contains it, it declares a
protocol (`OwningProxy`, `OwningConnection`, `LinkInterface`), so that it can be tested alone.
"""

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server in the foreground until SIGTERM or SIGINT.

    Args:
        argv: Command-line arguments without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 after a signal, 2 for a wrong option, 4 if the API cannot listen.
    """
    # Imported here because the command line and the pytest plugin import this package at every
    # start, and should not load the server.
    from harness.proxy._main import main as run_server  # noqa: PLC0415

    return run_server(argv)
