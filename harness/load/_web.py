"""Restrict Locust's web UI to its own pages.

The UI has no password and answers requests of any web page that is open in the same browser. Such
a page could start and stop the load and read its figures. So two kinds of requests are refused:
those for another host name (DNS rebinding), and those that another page sent (CSRF). No page may
show the UI in a frame, where a user could be led to click in it without seeing it (clickjacking).
"""

import os
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request

_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

HOSTS = "HARNESS_WEB_HOSTS"
"""Environment variable: further host names of the UI, separated by commas."""


def guard(web_ui: Any) -> None:
    """Make `web_ui` (Locust's) refuse requests of other pages and for other host names."""
    known = _OWN_NAMES | {
        name.strip() for name in os.environ.get(HOSTS, "").split(",") if name.strip()
    }

    def refuse() -> tuple[str, int] | None:
        if urlsplit(f"//{request.host}").hostname not in known:
            return f"{request.host} is not a name of this UI; {HOSTS} allows others\n", 403
        if _is_cross_site():
            return "requests from other pages are refused\n", 403
        return None

    def restrict(response: Response) -> Response:
        """Forbid other pages to read the answer, as Locust lets them, and to show it in a frame."""
        response.headers.pop("Access-Control-Allow-Origin", None)
        response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"
        response.headers["X-Frame-Options"] = "DENY"  # for browsers without the policy above
        return response

    web_ui.app.before_request(refuse)
    # Flask runs the first one last; otherwise flask-cors would add its header again.
    web_ui.app.after_request_funcs.setdefault(None, []).insert(0, restrict)


def _is_cross_site() -> bool:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return True
    # Browsers send no Origin with a GET, but this header. Links to the start page are allowed.
    site = request.headers.get("Sec-Fetch-Site", "none")
    opened = request.method == "GET" and request.path == "/"
    return site not in ("none", "same-origin") and not opened
