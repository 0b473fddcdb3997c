"""A TCP proxy for fault injection: Toxiproxy 2.12's API and behaviour, in Python.

Start it with `python -m harness.proxy --port 8474` or `harness proxy`. The options are those of
`toxiproxy-server`. Then create a proxy, add latency to it, and disable it:

    curl -d '{"name": "db", "listen": "127.0.0.1:25432", "upstream": "127.0.0.1:5432"}' \\
        localhost:8474/proxies
    curl -d '{"type": "latency", "attributes": {"latency": 500}}' localhost:8474/proxies/db/toxics
    curl -X PATCH -d '{"enabled": false}' localhost:8474/proxies/db

Toxiproxy clients work with it unchanged. docs/proxy.md lists the differences, all of which users
of upstream Toxiproxy have asked for: no API call can hang or crash the server, `--seed` works,
toxics can expire by themselves (`expires_in`), and there are more toxic types.

Modules, from the outermost layer to the innermost:

    _main        options, signals          _proxy       a listener, its connections and toxics
    _http, _api  the control API           _connection  a client and its upstream
    _bodies      request bodies            _link        one direction: read, chain, write
    _collection  all proxies               _stub        one toxic in one link
    _loop        one thread, one epoll     toxics/      one file for each toxic type

Imports only point down. What a class needs from its owner is a protocol in its own module
(`Owner`, `Line`), so each class can be tested without the others.
"""

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server in the foreground with command-line arguments; return its exit code."""
    from harness.proxy._main import main as run_server  # noqa: PLC0415  (imported late: other
    # packages import this one only for `main`, and must not load the whole server with it)

    return run_server(argv)
