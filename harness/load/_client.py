"""An HTTP client that sends each request at most once. Only the locustfile imports this.

`FastHttpUser`'s own client repeats a request when the connection breaks after it was sent
(geventhttpclient 2.6: GET, PUT and the like; older versions POST as well). The system would then
do twice what the history has once. Its errors also do not say whether a connection was made.
`OnceClient` sends at most once, and raises `NotSent` for every error before the first byte.

Connections are kept alive. Before a connection is used again it is checked: if the server has
closed it meanwhile, it is readable and is replaced, so nothing was sent on it. If the server
closes it while the request is written, the outcome is unknown.
"""

from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPSocketPoolResponse
from geventhttpclient.url import URL
from locust.contrib.fasthttp import FastHttpSession


class NotSent(OSError):  # noqa: N818 - the name says what happened to the request
    """No byte of the request was sent; `cause` is the reason."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class OnceClient(HTTPClient):
    """The connections to one host."""

    def request(
        self, method: str, request_uri: str, body: Any = b"", headers: Any = None
    ) -> HTTPSocketPoolResponse:
        """Send the request once and read the head of the answer; the caller reads the body.

        Raises:
            NotSent: the request was not sent.
            TimeoutError: a time-out, which counts as unknown even while connecting.
        """
        content = body.encode() if isinstance(body, str) else body or b""
        head = self._build_request(method.upper(), request_uri, body=content, headers=headers)
        pool = self._connection_pool
        try:
            connection = pool.get_socket()
        except TimeoutError:
            raise
        except OSError as error:
            raise NotSent(error) from error
        try:
            connection.sendall(head.encode("latin-1") + content)
        except BaseException:  # gevent.Timeout is a BaseException; the connection must not leak
            pool.release_socket(connection)
            raise
        return HTTPSocketPoolResponse(
            connection,
            pool,
            block_size=self.block_size,
            method=method.upper(),
            headers_type=self.headers_type,
        )


class OnceClientPool(HTTPClientPool):
    """One `OnceClient` for each host."""

    def get_client(self, url: str | URL) -> HTTPClient:
        """Return the client for the host and port of `url`."""
        if not isinstance(url, URL):
            url = URL(url)
        key = url.host, url.port
        if key not in self.clients:
            self.clients[key] = OnceClient.from_url(url, **self.client_args)
        return self.clients[key]


def disable_browser_features(session: FastHttpSession) -> None:
    """Turn off cookies, redirects, and errors for a status.

    All users share this session, so they must not share cookies. The history records every
    answer, whatever its status is.
    """
    agent: Any = session.client
    agent.cookiejar = None
    agent.redirect_response_codes = frozenset()
    agent.valid_response_codes = frozenset(range(100, 600))


def was_sent(error: BaseException | None) -> bool:
    """Return True if a request that ended in `error` may have reached the server."""
    return not isinstance(error, NotSent)
