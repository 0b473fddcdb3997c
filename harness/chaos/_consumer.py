"""One Toxiproxy server's HTTP API, in the shape of toxiproxy-python's `APIConsumer`.

The package's own consumer is a class whose host and port every object of the process shares,
asks without a time-out, obeys `http_proxy`, and lets 403, 500 and 503 pass as success. This one
is an object per server: it waits for a limited time and raises errors that name the server, the
request, what came back, and what to do.
"""

import re
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from harness.errors import StackError
from harness.stack import GoneError

from ._errors import ChaosError

_CURES = {
    400: "this server does not take such a toxic; it is older than 2.1 or not a Toxiproxy",
    403: "something in front of the Toxiproxy forbids it",
    404: "was the Toxiproxy restarted? Start the stack again",
    409: "the name is taken; `harness heal` removes what an earlier run left",
    500: "another process may have taken the port; start the stack again",
    503: "it is wedged (Shopify/toxiproxy#558); restart the Toxiproxy",
}


class RefusedError(ChaosError):
    """The server answered, and not with what was asked; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Consumer:
    """Get, post and delete at one server. Any thread may call it."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self.host = host
        self.port = port
        self.server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False  # a corporate http_proxy cannot reach a loopback port
        # Without cookies a session holds no state that threads could fight over.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64, max_retries=0))

    def get(self, url: str, params: Any = None, **kwargs: Any) -> requests.Response:
        """As `APIConsumer.get`."""
        return self._send("GET", url, params=params, **kwargs)

    def post(
        self, url: str, data: Any = None, json: Any = None, **kwargs: Any
    ) -> requests.Response:
        """As `APIConsumer.post`."""
        return self._send("POST", url, data=data, json=json, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> requests.Response:
        """As `APIConsumer.delete`."""
        return self._send("DELETE", url, **kwargs)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _send(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        where = f"toxiproxy {self.server}: {method} {url}"
        try:
            response = self._session.request(
                method,
                f"http://{self.server}{url}",
                timeout=self.timeout,
                allow_redirects=False,
                **kwargs,
            )
        except requests.Timeout as error:
            raise StackError(
                f"{where}: no answer within {self.timeout:g} s; it hangs or is wedged "
                f"(Shopify/toxiproxy#558): restart the Toxiproxy"
            ) from error
        except requests.RequestException as error:
            root = _root(error)
            kind = GoneError if isinstance(root, ConnectionRefusedError) else StackError
            raise kind(f"{where}: cannot be reached ({_text(root)}); is the stack up?") from error
        if response.status_code >= 300:
            cure = _CURES.get(response.status_code, "is this a Toxiproxy?")
            raise RefusedError(
                f"{where}: {response.status_code} {_message(response)}; {cure}",
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


def _message(response: requests.Response) -> str:
    """What the server says went wrong, from its JSON, else from the text of its page."""
    try:
        said = response.json()
    except ValueError:
        said = re.sub(r"(?s)<title>.*?</title>|<[^>]*>", " ", response.text)
    if isinstance(said, dict):
        said = said.get("error") or said.get("title") or said
    return " ".join(str(said).split())[:200] or "(no text)"


def _root(error: BaseException) -> BaseException:
    """The innermost cause, which is the one that says `Connection refused`."""
    while True:
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if not isinstance(inner, BaseException):
            return error
        error = inner


def _text(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or str(error) or type(error).__name__)
