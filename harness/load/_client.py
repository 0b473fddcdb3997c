"""Sending a request once, and knowing whether it was sent. Only the locustfile imports this.

`FastHttpUser`'s own client repeats a request (geventhttpclient 2.6: GET, PUT and the like, older
ones POST as well) when the connection breaks after it was sent, which would do things twice that
the history has once; and its errors do not say whether a connection was ever made. `OnceClient`
sends at most once, and raises `NotSent` for everything that goes wrong before the first byte.

Connections are kept alive. One that the server has closed meanwhile is seen to be readable before
it is used again and is replaced, so nothing was sent on it. If the server closes it in the very
moment in which the request is written, nobody can tell, and the outcome is unknown.
"""

from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPSocketPoolResponse
from geventhttpclient.url import URL
from locust.contrib.fasthttp import FastHttpSession


class NotSent(OSError):  # noqa: N818 - a fact about the request, told by an exception
    """No byte of the request left this process; `cause` says why."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class OnceClient(HTTPClient):
    """One host's connections."""

    def request(
        self, method: str, request_uri: str, body: Any = b"", headers: Any = None
    ) -> HTTPSocketPoolResponse:
        """Send once and read the answer's head; the body is read by whoever wants it."""
        content = body.encode() if isinstance(body, str) else body or b""
        head = self._build_request(method.upper(), request_uri, body=content, headers=headers)
        pool = self._connection_pool
        try:
            connection = pool.get_socket()
        except TimeoutError:
            raise  # a time-out is unknown, even this one
        except OSError as error:
            raise NotSent(error) from error
        try:
            connection.sendall(head.encode("latin-1") + content)
        except BaseException:  # a gevent.Timeout is no Exception, and would leak the connection
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
    """A client for each host, of the kind above."""

    def get_client(self, url: str | URL) -> HTTPClient:
        """The client for `url`'s host and port."""
        if not isinstance(url, URL):
            url = URL(url)
        key = url.host, url.port
        if key not in self.clients:
            self.clients[key] = OnceClient.from_url(url, **self.client_args)
        return self.clients[key]


def let_be(session: FastHttpSession) -> None:
    """Turn off what the session does on its own: cookies, redirects, errors for a status.

    Every person is another one, so they have no cookies in common; and the history needs the
    answer whatever its status is.
    """
    agent: Any = session.client
    agent.cookiejar = None
    agent.redirect_response_codes = frozenset()
    agent.valid_response_codes = frozenset(range(100, 600))


def was_sent(error: BaseException | None) -> bool:
    """Whether a request that ended in `error` may have reached the server."""
    return not isinstance(error, NotSent)
