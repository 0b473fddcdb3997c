"""An HTTP client of one Toxiproxy server, with the interface of toxiproxy-python's `APIConsumer`.

The package's own `APIConsumer` is a class whose host and port all objects of the process share.
It has no time-out, obeys `http_proxy`, and treats 403, 500 and 503 as success. This client is an
object per server. It has a time-out, and its errors name the server, the request, the response
and the cure.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from harness.errors import StackError
from harness.stack import GoneError

from ._errors import ChaosError

_CURES = {
    400: "this server does not support such a toxic; it is older than 2.1 or not a Toxiproxy",
    403: "a proxy or gateway before the Toxiproxy forbids it",
    404: "was the Toxiproxy restarted? Start the stack again",
    409: "the name is taken; `harness heal` removes what an earlier run left",
    500: "another process may have taken the port; start the stack again",
    503: "it is blocked (Shopify/toxiproxy#558); restart the Toxiproxy",
}


class RejectedError(ChaosError):
    """The server rejected a request; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


_FAST = 1.0
"""Wall-clock seconds of each request that do not count towards a `limit`: a server with many
proxies on a busy machine makes progress, and healing must not end before it is complete."""


class GivenUpError(StackError):
    """The server did not answer within a `limit`, and gets no further request in it."""


class ApiClient:
    """GET, POST and DELETE at one server. Any thread may call any method.

    Every request raises `GoneError` if the port refuses, another `StackError` if there is no
    proper answer within `timeout` wall-clock seconds, and `RejectedError` for an HTTP error.
    In a `limit`, it is `GivenUpError` (a `StackError`) instead.
    """

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.host = host
        self.port = port
        self.server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.timeout = timeout
        self._left: float | None = None
        """Wall-clock seconds that are left of the present limit; None without a limit."""
        self._given_up = ""
        """Why the server was given up in the present limit; empty if it was not."""
        self._session = requests.Session()
        self._session.trust_env = False  # a corporate http_proxy cannot reach a loopback port
        # Without cookies, threads share no changing state of the session.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64, max_retries=0))

    def get(self, url: str, params: Any = None, **kwargs: Any) -> requests.Response:
        """Send GET `url` (a path), with the signature of `APIConsumer.get`."""
        return self._send("GET", url, params=params, **kwargs)

    def post(
        self, url: str, data: Any = None, json: Any = None, **kwargs: Any
    ) -> requests.Response:
        """Send POST `url` (a path), with the signature of `APIConsumer.post`."""
        return self._send("POST", url, data=data, json=json, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> requests.Response:
        """Send DELETE `url` (a path), with the signature of `APIConsumer.delete`."""
        return self._send("DELETE", url, **kwargs)

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Bound the time that slow answers may take in the block, for all requests together.

        After the first request that is not answered in time, every further request in the block
        raises `GivenUpError` at once. It applies to the requests of all threads.

        Args:
            seconds: wall-clock seconds; the first second of each request does not count.
        """
        self._left, self._given_up = seconds, ""
        try:
            yield
        finally:
            self._left, self._given_up = None, ""

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        where = f"toxiproxy {self.server}: {method} {url}"
        left, timeout, begun = self._left, self.timeout, time.monotonic()
        if self._given_up:
            raise GivenUpError(self._given_up)
        if left is not None:
            timeout = max(0.001, min(timeout, _FAST + left))
        try:
            response = self._session.request(
                method,
                f"http://{self.server}{url}",
                timeout=timeout,
                allow_redirects=False,
                **kwargs,
            )
        except requests.Timeout as error:
            text = (
                f"{where}: no answer within {timeout:.3g} s; it hangs or is blocked "
                f"(Shopify/toxiproxy#558): restart the Toxiproxy"
            )
            if left is None:
                raise StackError(text) from error
            self._given_up = text
            raise GivenUpError(text) from error
        except requests.RequestException as error:
            cause = _innermost_cause(error)
            error_class = GoneError if isinstance(cause, ConnectionRefusedError) else StackError
            raise error_class(
                f"{where}: cannot be reached ({_error_text(cause)}); is the stack up?"
            ) from error
        finally:
            if self._left is not None:
                self._left -= max(0.0, time.monotonic() - begun - _FAST)
        if response.status_code >= 300:
            cure = _CURES.get(response.status_code, "is this a Toxiproxy?")
            raise RejectedError(
                f"{where}: {response.status_code} {_response_text(response)}; {cure}",
                response.status_code,
            )
        if response.status_code != 204 and not _is_json(response):
            raise StackError(
                f"{where}: answers {response.status_code} without JSON; is this a Toxiproxy?"
            )
        return response


def _is_json(response: requests.Response) -> bool:
    try:
        response.json()
    except ValueError:
        return False
    return True


def _response_text(response: requests.Response) -> str:
    """Return the server's error message from its JSON, else from the text of its HTML page."""
    try:
        body = response.json()
    except ValueError:
        body = re.sub(r"(?s)<title>.*?</title>|<[^>]*>", " ", response.text)
    if isinstance(body, dict):
        body = body.get("error") or body.get("title") or body
    return " ".join(str(body).split())[:200] or "(no text)"


def _innermost_cause(error: BaseException) -> BaseException:
    """Return the innermost cause, such as the `ConnectionRefusedError` of a socket."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            return error
        error = inner


def _error_text(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)
