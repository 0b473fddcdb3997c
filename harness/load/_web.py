"""Locust's web UI for this machine's user alone.

It has no password, and answers requests from any web page that is open in the same browser: such
a page could start and stop the load, and read what is going on. So requests are refused that ask
for another host than this one (a name that was made to point here) or that another page sent.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})

HOSTS = "HARNESS_WEB_HOSTS"
"""Environment: further names by which the page may be asked for, separated by commas."""


def guard(web_ui: Any) -> None:
    """Let `web_ui` (Locust's) answer its own pages only."""
    known = _HERE | {name.strip() for name in os.environ.get(HOSTS, "").split(",") if name.strip()}

    def refuse() -> tuple[str, int] | None:
        if urlsplit(f"//{request.host}").hostname not in known:
            return f"{request.host} is not this page's name; {HOSTS} allows others\n", 403
        if _from_elsewhere():
            return "another page may not use this one\n", 403
        return None

    def withdraw(response: Response) -> Response:
        """Locust allows every page in the browser to read its answers."""
        response.headers.pop("Access-Control-Allow-Origin", None)
        return response

    web_ui.app.before_request(refuse)
    # In front, which is run last: flask-cors is there already and would add its header again.
    web_ui.app.after_request_funcs.setdefault(None, []).insert(0, withdraw)


def _from_elsewhere() -> bool:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return True
    # With a GET a browser sends no origin, but says this. A link to the page itself is all right.
    site = request.headers.get("Sec-Fetch-Site", "none")
    opened = request.method == "GET" and request.path == "/"
    return site not in ("none", "same-origin") and not opened
