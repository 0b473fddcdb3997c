"""Requests with bounds: a GET ends at its bounds on time and bytes, and when the run ends.

with BoundedClient(stop, clock) as client:
    answer, size = client.get_json(url, deadline=clock.monotonic() + 5.0, max_bytes=1 << 20)
"""

import json
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Self

import httpx

from harness.clock import Clock

_TIMEOUT = 5.0
"""Wall-clock seconds for the connect, and for each wait for more bytes."""

_SHOWN_BYTES = 500
"""Bytes of an answer that `send_request` reads."""

_POLL = 0.05
"""Wall-clock seconds between two looks at `stop` and the deadline."""


class TooSlowError(Exception):
    """An answer was not complete at its deadline."""


class TooLargeError(Exception):
    """An answer has more bytes than allowed."""


class StoppedError(Exception):
    """The run was ended during a request."""


GET_ERRORS = (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError)
"""What `get_json` raises besides the errors of this module. JSON that is nested too deep raises
`RecursionError`."""


def http_client() -> httpx.Client:
    """Return an HTTP client that ignores proxy settings and sets up no TLS context."""
    return httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=False)  # noqa: S501 - plain HTTP on loopback


def send_request(method: str, url: str, body: Any) -> tuple[int, str]:
    """Send one request with the JSON `body`; return the status and the begin of the answer's text.

    The rest of the answer is not read, so it may be of any size.

    Raises:
        httpx.HTTPError: there is no proper answer.
    """
    with http_client() as http, http.stream(method, url, json=body) as answer:
        begin = next(answer.iter_bytes(_SHOWN_BYTES), b"")
        return answer.status_code, begin.decode(errors="replace")


class BoundedClient:
    """Sends GET requests until `stop` is set. Not for several threads."""

    def __init__(
        self, stop: Flag, clock: Clock, make_client: Callable[[], httpx.Client] = http_client
    ) -> None:
        self._stop, self._clock = stop, clock
        self._http = make_client()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()  # also ends a request that was given up

    def get_json(self, url: str, *, deadline: float, max_bytes: int) -> tuple[Any, int]:
        """Return the JSON value that `url` answers with, and the size of its text in bytes.

        Args:
            url: what to request.
            deadline: time of `clock.monotonic()` at which the request is given up.
            max_bytes: the largest answer that is accepted.

        Raises:
            TooSlowError: the answer was not complete at the deadline.
            TooLargeError: the answer is larger than `max_bytes`.
            StoppedError: `stop` is set.
            httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError: see `GET_ERRORS`.
        """
        request = _Request(self._http, url, max_bytes)
        # httpx bounds each wait for bytes, not the whole answer, and a server can send one byte at
        # a time, in the header too. So the request has a thread that is left behind if it is slow.
        Thread(target=request.run, name="bounded-get", daemon=True).start()
        while not self._clock.wait(request.done, _POLL):
            late = self._clock.monotonic() >= deadline
            if late or self._stop.is_set():
                request.given_up = True
                raise TooSlowError if late else StoppedError
        if self._stop.is_set():
            raise StoppedError
        if request.error is not None:
            raise request.error
        return request.value, request.size


class _Request:
    """One request; `run` is the body of its thread."""

    def __init__(self, http: httpx.Client, url: str, max_bytes: int) -> None:
        self.done = Flag()
        self.given_up = False
        self.value: Any = None
        self.size = 0
        self.error: BaseException | None = None
        self._http, self._url, self._max_bytes = http, url, max_bytes

    def run(self) -> None:
        try:
            self.value = json.loads(self._body())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self.error = error
        finally:
            self.done.set()

    def _body(self) -> bytearray:
        body = bytearray()
        # Not compressed: a small compressed chunk can expand to more than fits into memory.
        headers = {"Accept-Encoding": "identity"}
        with self._http.stream("GET", self._url, headers=headers) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                body += chunk
                if self.given_up:
                    raise StoppedError
                if len(body) > self._max_bytes:
                    raise TooLargeError
        self.size = len(body)
        return body
