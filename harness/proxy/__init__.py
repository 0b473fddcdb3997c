"""A TCP proxy whose links can be made slow, lossy or dead: Toxiproxy 2.12, in Python.

    python -m harness.proxy --port 8474        or `harness proxy`; options as toxiproxy-server's

    curl -d '{"name": "db", "listen": "127.0.0.1:25432", "upstream": "127.0.0.1:5432"}' \\
        localhost:8474/proxies
    curl -d '{"type": "latency", "attributes": {"latency": 500}}' localhost:8474/proxies/db/toxics
    curl -X PATCH -d '{"enabled": false}' localhost:8474/proxies/db

Every client of Toxiproxy works with it unchanged. docs/proxy.md lists what is different, which
is what the original's users have asked for: it cannot be wedged or brought down through its
API, `--seed` works, toxics can be leased, and there are more of them.

How it is built, from the outside in:

    _main        options, signals          _proxy       a listener, its connections and toxics
    _http, _api  the control API           _connection  a client and its upstream
    _bodies      what requests say         _link        one direction: read, chain, write
    _collection  all proxies               _stub        a toxic's place in a link
    _loop        one thread, one epoll     toxics/      one file for each kind of fault

Imports only point down. What a part needs of the one that holds it is a protocol beside it
(`Owner`, `Line`), so each can be tried without the rest.
"""

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server in the foreground with command-line arguments; return its exit code."""
    from harness.proxy._main import main as run_server  # noqa: PLC0415  (others import this room
    # for its name only, and should not pay for the server)

    return run_server(argv)
