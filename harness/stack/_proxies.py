"""What backends ask of the Toxiproxy of a stack: one proxy per link, and its version."""

import http.client
import json
from collections.abc import Mapping

from harness.errors import StackError

_TIMEOUT = 5.0


def create_proxies(api: str, proxies: Mapping[str, tuple[str, str]]) -> None:
    """Create a proxy per link: name -> (listen, upstream).

    Raises:
        StackError: the server refused, or did not answer.
    """
    body = [
        {"name": name, "listen": listen, "upstream": upstream, "enabled": True}
        for name, (listen, upstream) in proxies.items()
    ]
    status, answer = _request(api, "POST", "/populate", json.dumps(body))
    if status != 201:
        raise StackError(f"toxiproxy at {api}: refused the stack's links: {status} {answer}")


def redirect_proxy(api: str, name: str, upstream: str) -> None:
    """Let the proxy `name` lead to `upstream`; its connections end, its toxics stay.

    Raises:
        StackError: the server refused, or did not answer.
    """
    body = json.dumps({"upstream": upstream})
    status, answer = _request(api, "POST", f"/proxies/{name}", body)
    if status != 200:
        raise StackError(f"toxiproxy at {api}: {name} cannot lead to {upstream}: {status} {answer}")


def toxiproxy_version(api: str) -> str:
    """What the server says it is; empty if it does not answer."""
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
        raise StackError(f"toxiproxy at {api}: {method} {path} had no answer: {error}") from error
    finally:
        connection.close()
