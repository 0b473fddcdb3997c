"""The command line of the server: `python -m harness.proxy` and `harness proxy`.

It takes the options of `toxiproxy-server`, with one dash or two. The server runs in the foreground
until SIGTERM or SIGINT, and then ends at once with exit code 0. Its first log line contains the
address of the API, so that a program that starts it with `--port 0` can read the port there.
"""

import argparse
import gc
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from harness.errors import ExitCode
from harness.proxy._address import (
    AddressError,
    format_address,
    literal_addresses,
    open_listener,
    split_host_port,
)
from harness.proxy._api import VERSION, Api
from harness.proxy._coroutines import run_coroutine
from harness.proxy._descriptors import raise_descriptor_limit
from harness.proxy._errors import ApiError
from harness.proxy._gojson import DecodeError
from harness.proxy._http import HttpServer
from harness.proxy._log import Log
from harness.proxy._loop import READ, Loop
from harness.proxy._metrics import Metrics
from harness.proxy._proxy import Proxy
from harness.proxy._server_context import ServerContext


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server in the foreground; see `harness.proxy.main`."""
    options = _parse(argv)
    if options.version:
        sys.stdout.write(f"toxiproxy-server version {VERSION} (harness)\n")
        return ExitCode.PASS
    log = Log(level=os.environ.get("LOG_LEVEL", "info").lower())
    loop = Loop(on_error=lambda error: log("error", "handler_failed", error=error))
    try:
        host, port = _api_address(options.host, options.port)
    except AddressError as error:
        sys.stderr.write(f"harness proxy: {error}; give --port a number from 0 to 65535\n")
        return ExitCode.USAGE
    try:
        sock = _listen(host, port)
    except AddressError as error:
        sys.stderr.write(f"harness proxy: {error}; choose another --host or --port\n")
        return ExitCode.BROKEN
    raise_descriptor_limit()
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    metrics = Metrics(proxies=options.proxy_metrics, runtime=options.runtime_metrics)
    api = Api(ServerContext(loop=loop, seed=seed, metrics=metrics, log=log))
    HttpServer(loop, sock, api.respond)
    host, port = sock.getsockname()[:2]
    # Before the line that callers wait for: they may send a signal as soon as they have read it.
    restore_signals = _stop_on_signals(loop)
    try:
        log("info", "listening", host=host, port=port, address=format_address((host, port)),
            seed=seed, version=VERSION, pid=os.getpid())  # fmt: skip
        if options.config:
            run_coroutine(_load_config(api, options.config, log))
        # Objects that exist now live until the end, and later ones are freed by reference
        # counting. A full garbage collection with thousands of connections would delay them all.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 1000)
        loop.run()
    finally:
        restore_signals()
        gc.unfreeze()
    return ExitCode.PASS


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="harness proxy",
        description="Run a Toxiproxy-compatible TCP proxy for fault injection.",
    )
    parser.add_argument(
        "-host",
        "--host",
        default="localhost",
        help="host that the API listens on (default: localhost)",
    )
    parser.add_argument(
        "-port",
        "--port",
        default="8474",
        help="port that the API listens on (default: 8474); 0 takes a free one",
    )
    parser.add_argument(
        "-config", "--config", default="", help="JSON file of proxies to create at the start"
    )
    parser.add_argument(
        "-seed",
        "--seed",
        type=int,
        help="seed of jitter and toxicity (default: a random one, which is logged)",
    )
    for name, help_text in (
        ("proxy-metrics", "report bytes per proxy under /metrics"),
        ("runtime-metrics", "report CPU, memory and descriptors of the process under /metrics"),
        ("version", "print the version and exit"),
    ):
        parser.add_argument(f"-{name}", f"--{name}", type=_flag, nargs="?", const=True,
                            default=False, metavar="BOOL", help=help_text)  # fmt: skip
    return parser.parse_args(argv)


def _flag(value: str) -> bool:
    """Parse the value of a boolean flag (`-flag=value`) as Go does."""
    if value in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if value in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise argparse.ArgumentTypeError(f"must be true or false, not {value!r}")


def _api_address(host: str, port: str) -> tuple[str, int]:
    return split_host_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _listen(host: str, number: int) -> socket.socket:
    candidates = literal_addresses(host, number)
    if candidates is None:
        try:
            found = socket.getaddrinfo(host, number, socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            raise AddressError(f"lookup {host}: no such host") from None
        candidates = [(socket.AF_INET, (str(entry[4][0]), number)) for entry in found]
    return open_listener(host, number, candidates)


async def _load_config(api: Api, path: str, log: Log) -> None:
    """Create the proxies of a config file; a fault in it is logged, and the server goes on."""
    done: list[Proxy] = []
    body = b""
    hint = "correct the file, then restart the server or send the file to POST /populate"
    try:
        with open(path, "rb") as file:  # noqa: PTH123, ASYNC230  (before the loop starts)
            body = file.read()
        await api.populate(body, done)
    except OSError as error:
        log("error", "config_unreadable", config=path, error=error.strerror, hint=hint)
    except (ApiError, DecodeError, AddressError) as error:
        log("error", "config_invalid", config=path, **_position(body, error), error=str(error),
            proxies=len(done), hint=hint)  # fmt: skip
    else:
        log("info", "config_loaded", config=path, proxies=len(done))


def _position(body: bytes, error: Exception) -> dict[str, int]:
    at = error.at if isinstance(error, DecodeError) else None
    if at is None:
        return {}  # the error names the field or the number of the proxy instead
    before = body[:at]
    return {"line": before.count(b"\n") + 1, "column": at - before.rfind(b"\n")}


def _stop_on_signals(loop: Loop) -> "_SignalHandlers":
    """Make SIGTERM and SIGINT stop the loop; return a callable that restores the old handlers.

    Outside the main thread, where Python allows no signal handlers, nothing is changed.
    """
    previous = _SignalHandlers()
    if threading.current_thread() is not threading.main_thread():
        return previous
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    loop.watch(reader.fileno(), READ, lambda _events: loop.stop(), urgent=True)
    previous.sockets = [reader, writer]
    previous.wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        previous.handlers[number] = signal.signal(number, lambda *_: None)
    return previous


class _SignalHandlers:
    """The signal handlers to restore when the server has stopped."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.handlers: dict[int, object] = {}
        self.wakeup = -1

    def __call__(self) -> None:
        if not self.sockets:
            return
        signal.set_wakeup_fd(self.wakeup)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        for sock in self.sockets:
            sock.close()
