"""The shop. It charges an order at once, or queues it while the provider cannot be reached.

Its modes:

    automatic   orders are charged as they come
    manual      the provider does not confirm: orders are queued, and the provider is probed
    mixed       the provider is back: new orders are charged, the worker charges the queued ones
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from outbox import Outbox, charge, is_reachable, log, wall_seconds

PROBE_EVERY = 30.0
"""In scenario seconds."""
REPORT_EVERY = 0.25
"""In wall-clock seconds."""
PAGE = 100


class Shop:
    """Takes orders and keeps its mode."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self._mode, self._changes = "", 0
        self._lock = Lock()
        self._set_mode("mixed" if self.outbox.pending() else "automatic", "opened")

    def order(self, order: str, amount: int) -> tuple[int, dict[str, object]]:
        """Take an order; one that is stored already is answered with its state.

        Returns:
            The HTTP status and the answer: 201 if it is charged, 202 if it is queued.
        """
        state = self.outbox.state(order)
        if state is None:
            mode, changes = self._mode, self._changes
            tried = mode != "manual"
            state = "charged" if tried and charge(order, amount) else "queued"
            self.outbox.add(order, amount, state, tried=tried)
            # A charge that was in flight when the mode changed proves nothing about the new mode.
            if state == "queued" and tried and changes == self._changes:
                self._set_mode("manual", "the provider did not confirm a charge")
        return (201 if state == "charged" else 202), {"id": order, "status": state}

    def watch(self) -> None:
        """Report the backlog, and probe the provider while it cannot be reached; never returns."""
        probed = 0.0
        while True:
            pending = self.outbox.pending()
            log("gauge", pending=pending)
            now = time.monotonic()
            if self._mode == "manual" and now - probed >= wall_seconds(PROBE_EVERY):
                probed = now
                if is_reachable():
                    self._set_mode("mixed", "the provider answers again")
            elif self._mode == "mixed" and pending == 0:
                self._set_mode("automatic", "all queued orders are charged")
            time.sleep(REPORT_EVERY)

    def _set_mode(self, mode: str, reason: str) -> None:
        with self._lock:
            if mode != self._mode:
                log("mode", mode=mode, previous=self._mode, reason=reason)
                self._mode, self._changes = mode, self._changes + 1


class Handler(BaseHTTPRequestHandler):
    """The HTTP interface of the shop."""

    protocol_version = "HTTP/1.1"
    shop: Shop

    def do_GET(self) -> None:
        """Answer `/health`, `/status` (quiescence) and `/orders` (the final read, in pages)."""
        target = urlsplit(self.path)
        if target.path == "/health":
            self._answer(200, {"status": "ok"})
        elif target.path == "/status":
            pending = self.shop.outbox.pending()
            self._answer(200, {"quiescent": pending == 0, "pending": pending})
        elif target.path == "/orders":
            after = int(parse_qs(target.query).get("after", ["0"])[0])
            items = self.shop.outbox.page(after, PAGE)
            last = items[-1]["number"] if len(items) == PAGE else None
            self._answer(200, {"items": items, "next": last and f"/orders?after={last}"})
        else:
            self._answer(404, {"error": "no such path"})

    def do_POST(self) -> None:
        """Take an order, a JSON object `{id, amount}`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            order = json.loads(body)
            name, amount = str(order["id"]), int(order["amount"])
        except (ValueError, KeyError, TypeError):
            self._answer(400, {"error": "id and amount are needed"})
            return
        self._answer(*self.shop.order(name, amount))

    def log_message(self, *_: object) -> None:
        """Do not log requests."""

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A server with one thread per connection."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Start the shop."""
    Handler.shop = Shop()
    Thread(target=Handler.shop.watch, daemon=True).start()
    host, _, port = os.environ["LISTEN"].rpartition(":")
    Server((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
