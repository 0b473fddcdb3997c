"""The shop. An order is charged at once; while the provider is out of reach it is queued.

automatic   orders are charged as they come
manual      the provider does not confirm: orders are queued, and the provider is looked for
mixed       it is back: new orders are charged, the worker is still charging the queued ones
"""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from outbox import Outbox, charge, reachable, real, say

LOOK_AGAIN = 30.0
REPORT_EVERY = 0.25
PAGE = 100


class Shop:
    """Takes orders, and knows how it works at the moment."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self._mode, self._changes = "", 0
        self._lock = Lock()
        self._become("mixed" if self.outbox.pending() else "automatic", "opened")

    def order(self, order: str, amount: int) -> tuple[int, dict[str, object]]:
        """Take an order; asked again about the same one, answer as before."""
        state = self.outbox.state(order)
        if state is None:
            mode, changes = self._mode, self._changes
            tried = mode != "manual"
            state = "charged" if tried and charge(order, amount) else "queued"
            self.outbox.keep(order, amount, state, tried=tried)
            # A charge that was under way when the mode changed says nothing about the new one.
            if state == "queued" and tried and changes == self._changes:
                self._become("manual", "the provider did not confirm a charge")
        return (201 if state == "charged" else 202), {"id": order, "status": state}

    def watch(self) -> None:
        """Look for the provider while it is away, and report what is queued; for ever."""
        looked = 0.0
        while True:
            pending = self.outbox.pending()
            say("gauge", pending=pending)
            now = time.monotonic()
            if self._mode == "manual" and now - looked >= real(LOOK_AGAIN):
                looked = now
                if reachable():
                    self._become("mixed", "the provider answers again")
            elif self._mode == "mixed" and pending == 0:
                self._become("automatic", "everything that was queued is charged")
            time.sleep(REPORT_EVERY)

    def _become(self, mode: str, reason: str) -> None:
        with self._lock:
            if mode != self._mode:
                say("mode", mode=mode, previous=self._mode, reason=reason)
                self._mode, self._changes = mode, self._changes + 1


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of the shop."""

    protocol_version = "HTTP/1.1"
    shop: Shop

    def do_GET(self) -> None:
        """Health, rest, and the orders for whoever wants to compare."""
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
        """An order: `{id, amount}`."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            order = json.loads(body)
            name, amount = str(order["id"]), int(order["amount"])
        except (ValueError, KeyError, TypeError):
            self._answer(400, {"error": "id and amount are needed"})
            return
        self._answer(*self.shop.order(name, amount))

    def log_message(self, *_: object) -> None:
        """Requests are no news."""

    def _answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """A thread for each connection, as many as may come at once."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Open the shop."""
    Handler.shop = Shop()
    Thread(target=Handler.shop.watch, daemon=True).start()
    host, _, port = os.environ["LISTEN"].rpartition(":")
    Server((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
