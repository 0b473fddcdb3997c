"""Requests to the Toxiproxy of a stack that every backend makes: its proxies and its version."""

import http.client
import json
from collections.abc import Mapping

from harness.errors import StackError

_TIMEOUT = 5.0
"""Wall-clock seconds."""


def create_proxies(api: str, proxies: Mapping[str, tuple[str, str]]) -> None:
    """Create one proxy per link.

    Args:
        api: `host:port` of the Toxiproxy API.
        proxies: link -> (listen, upstream), both `host:port`.

    Raises:
        StackError: Toxiproxy refused, or did not answer.
    """
    body = [
        {"name": name, "listen": listen, "upstream": upstream, "enabled": True}
        for name, (listen, upstream) in proxies.items()
    ]
    status, answer = _request(api, "POST", "/populate", json.dumps(body))
    if status != 201:
        raise StackError(
            f"toxiproxy at {api}: the proxies of the links cannot be created: {status} {answer}"
        )


def redirect_proxy(api: str, name: str, upstream: str) -> None:
    """Change the upstream of the proxy `name`: its connections are closed, its toxics stay.

    Raises:
        StackError: Toxiproxy refused, or did not answer.
    """
    body = json.dumps({"upstream": upstream})
    status, answer = _request(api, "POST", f"/proxies/{name}", body)
    if status != 200:
        raise StackError(
            f"toxiproxy at {api}: {name} cannot be redirected to {upstream}: {status} {answer}"
        )


def toxiproxy_version(api: str) -> str:
    """Return the version that the server reports; empty if it does not answer."""
    try:
        status, answer = _request(api, "GET", "/version")
        version = json.loads(answer).get("version", "")
    except (StackError, ValueError, AttributeError):
        return ""
    return str(version) if status == 200 else ""


def _request(api: str, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    host, _, port = api.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=_TIMEOUT)
    try:
        connection.request(method, path, body, {"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"toxiproxy at {api}: no answer to {method} {path}: {error}") from error
    finally:
        connection.close()
