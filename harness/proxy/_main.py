"""The command line of the server: `python -m harness.proxy`, `harness proxy`.

Takes the options of `toxiproxy-server`, with one dash or two. Runs in the foreground until
SIGTERM or SIGINT, then ends at once with exit code 0. Its first log line names the address
that the API listens on, so `--port 0` can be used by whoever reads it.
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
from harness.proxy._address import AddressError, listener, literal, split, text
from harness.proxy._api import VERSION, Api
from harness.proxy._coroutines import run
from harness.proxy._descriptors import raise_limit
from harness.proxy._errors import ApiError
from harness.proxy._gojson import DecodeError
from harness.proxy._http import HttpServer
from harness.proxy._log import Log
from harness.proxy._loop import READ, Loop
from harness.proxy._metrics import Metrics
from harness.proxy._proxy import Proxy, World


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server with these arguments (default: the command line's); return the exit code."""
    options = _parse(argv)
    if options.version:
        sys.stdout.write(f"toxiproxy-server version {VERSION} (harness)\n")
        return ExitCode.PASS
    log = Log(level=os.environ.get("LOG_LEVEL", "info").lower())
    loop = Loop(on_error=lambda error: log("error", "handler_failed", error=error))
    try:
        host, port = _split(options.host, options.port)
    except AddressError as error:
        sys.stderr.write(f"harness proxy: {error}; give --port a number from 0 to 65535\n")
        return ExitCode.USAGE
    try:
        sock = _listen(host, port)
    except AddressError as error:
        sys.stderr.write(f"harness proxy: {error}; choose another --host or --port\n")
        return ExitCode.BROKEN
    raise_limit()
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    metrics = Metrics(proxies=options.proxy_metrics, runtime=options.runtime_metrics)
    api = Api(World(loop=loop, seed=seed, metrics=metrics, log=log))
    HttpServer(loop, sock, api.respond)
    host, port = sock.getsockname()[:2]
    log("info", "listening", host=host, port=port, address=text((host, port)), seed=seed,
        version=VERSION, pid=os.getpid())  # fmt: skip
    if options.config:
        run(_load(api, options.config, log))
    stop_watching = _stop_on_signals(loop)
    # What lives now lives to the end, and what comes later is freed by reference counting:
    # a full collection among thousands of connections would be a pause for all of them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    try:
        loop.run()
    finally:
        stop_watching()
        gc.unfreeze()
    return ExitCode.PASS


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="harness proxy", description="A TCP proxy for chaos tests, Toxiproxy compatible."
    )
    parser.add_argument("-host", "--host", default="localhost", help="address of the API")
    parser.add_argument("-port", "--port", default="8474", help="port of the API, 0 for any")
    parser.add_argument("-config", "--config", default="", help="JSON file of proxies to create")
    parser.add_argument("-seed", "--seed", type=int, help="seed of jitter and toxicity")
    for name, meaning in (
        ("proxy-metrics", "count bytes per proxy under /metrics"),
        ("runtime-metrics", "report the process under /metrics"),
        ("version", "show the version"),
    ):
        parser.add_argument(f"-{name}", f"--{name}", type=_flag, nargs="?", const=True,
                            default=False, metavar="BOOL", help=meaning)  # fmt: skip
    return parser.parse_args(argv)


def _flag(value: str) -> bool:
    """Take what Go takes after the `=` of a flag."""
    if value in {"1", "t", "T", "true", "TRUE", "True"}:
        return True
    if value in {"0", "f", "F", "false", "FALSE", "False"}:
        return False
    raise argparse.ArgumentTypeError(f"true or false, not {value!r}")


def _split(host: str, port: str) -> tuple[str, int]:
    return split(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _listen(host: str, number: int) -> socket.socket:
    candidates = literal(host, number)
    if candidates is None:
        try:
            found = socket.getaddrinfo(host, number, socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            raise AddressError(f"lookup {host}: no such host") from None
        candidates = [(socket.AF_INET, (str(entry[4][0]), number)) for entry in found]
    return listener(host, number, candidates)


async def _load(api: Api, path: str, log: Log) -> None:
    """Create the proxies of a file; a faulty one is reported, and the server goes on."""
    done: list[Proxy] = []
    body = b""
    cure = "mend the file, then start again or send it to POST /populate"
    try:
        with open(path, "rb") as file:  # noqa: PTH123, ASYNC230  (before the loop starts)
            body = file.read()
        await api.populate(body, done)
    except OSError as error:
        log("error", "config_unreadable", config=path, error=error.strerror, cure=cure)
    except (ApiError, DecodeError, AddressError) as error:
        log("error", "config_faulty", config=path, **_place(body, error), error=str(error),
            proxies=len(done), cure=cure)  # fmt: skip
    else:
        log("info", "config_loaded", config=path, proxies=len(done))


def _place(body: bytes, error: Exception) -> dict[str, int]:
    at = error.at if isinstance(error, DecodeError) else None
    if at is None:
        return {}  # the error names the field, or the number of the proxy
    before = body[:at]
    return {"line": before.count(b"\n") + 1, "column": at - before.rfind(b"\n")}


def _stop_on_signals(loop: Loop) -> "_Undo":
    """Let SIGTERM and SIGINT stop the loop; return what takes the handlers back."""
    undo = _Undo()
    if threading.current_thread() is not threading.main_thread():
        return undo
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    loop.watch(reader.fileno(), READ, lambda _events: loop.stop(), urgent=True)
    undo.sockets = [reader, writer]
    undo.wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        undo.handlers[number] = signal.signal(number, lambda *_: None)
    return undo


class _Undo:
    """Puts signal handling back to what it was."""

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
