"""The HTTP API: routes, handlers and responses.

It behaves as Toxiproxy 2.12 does, including the quirks of its router; docs/proxy.md lists every
difference and its reason.
"""

import os
import posixpath
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from harness.proxy._address import AddressError
from harness.proxy._errors import BAD_BODY, PROXY_EXISTS, TOXIC_EXISTS, ApiError
from harness.proxy._gojson import DecodeError, encode, encode_list
from harness.proxy._http_messages import Headers, Request, Response
from harness.proxy._proxy import Proxy
from harness.proxy._proxy_collection import ProxyCollection
from harness.proxy._proxy_request import read_populate, read_proxy
from harness.proxy._server_context import ServerContext
from harness.proxy._toxic_request import read_toxic, read_toxic_update

VERSION: Final = "2.12.0"
_JSON: Final = ("Content-Type", "application/json")
_TEXT: Final = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
]
_XID_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")

Handler = Callable[..., Coroutine[Any, Any, Response]]


class Api:
    """Routes requests to handlers, which read and change the proxies."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self.collection = ProxyCollection(context)
        self._routes: list[tuple[tuple[str, ...], dict[str, Handler]]] = [
            (("reset",), {"POST": self._reset}),
            (("proxies",), {"GET": self._list_proxies, "POST": self._create_proxy}),
            (("populate",), {"POST": self._populate}),
            (("proxies", "*"), {
                "GET": self._get_proxy, "POST": self._update_proxy, "PATCH": self._update_proxy,
                "DELETE": self._delete_proxy,
            }),
            (("proxies", "*", "toxics"), {"GET": self._list_toxics, "POST": self._add_toxic}),
            (("proxies", "*", "toxics", "*"), {
                "GET": self._get_toxic, "POST": self._update_toxic, "PATCH": self._update_toxic,
                "DELETE": self._delete_toxic,
            }),
            (("proxies", "*", "connections"), {"GET": self._list_connections}),
            (("version",), {"GET": self._get_version}),
        ]  # fmt: skip
        if context.metrics.proxies or context.metrics.runtime:
            self._routes.append((("metrics",), {"*": self._get_metrics}))

    async def respond(self, request: Request) -> Response:
        """Return the response to a request; an exception becomes an error response."""
        path, _, query = request.target.partition(b"?")
        if _BAD_ESCAPE.search(path) or not path.startswith(b"/"):
            return Response(400, b"400 Bad Request", [_TEXT[0]])
        clean = _clean_path(path)
        if clean != path:
            location = (clean + (b"?" + query if query else b"")).decode("latin-1")
            return Response(301, b"", [("Location", location)])
        segments = [unquote_to_bytes(part).decode("utf-8", "replace")
                    for part in path[1:].split(b"/")]  # fmt: skip
        methods = self._match_route(segments)
        if methods is None:
            return Response(404, b"404 page not found\n", list(_TEXT))
        handler = methods.get(request.method) or methods.get("*")
        if handler is None:
            return Response(405)
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            response = Response(403, b"User agent not allowed\n", list(_TEXT))
        else:
            names = [segments[i] for i in (1, 3) if i < len(segments)]
            response = await self._run(handler, request.body, names)
        response.headers.append(("X-Toxiproxy-Request-Id", _request_id()))
        return response

    def _match_route(self, segments: list[str]) -> dict[str, Handler] | None:
        for pattern, methods in self._routes:
            if len(pattern) == len(segments) and all(
                expected == segment or (expected == "*" and segment)
                for expected, segment in zip(pattern, segments, strict=True)
            ):
                return methods
        return None

    async def _run(self, handler: Handler, body: bytes, names: list[str]) -> Response:
        try:
            return await handler(body, *names)
        except ApiError as error:
            return _error(error.message, error.status)
        except DecodeError as error:
            return _error(ApiError(BAD_BODY, str(error)).message, 400)
        except AddressError as error:
            return _error(str(error), 500)
        except Exception as error:  # noqa: BLE001  (a bug in a handler must not end the server)
            self._context.log("error", "request_failed", error=repr(error))
            return _error(f"internal error: {error!r}", 500)

    # Handlers of proxies.

    async def _list_proxies(self, _body: bytes) -> Response:
        proxies = self.collection.proxies
        return _json({name: proxies[name].to_json() for name in sorted(proxies)})

    async def _create_proxy(self, body: bytes) -> Response:
        request = read_proxy(body)
        if request.name in self.collection.proxies:
            raise ApiError(PROXY_EXISTS)
        proxy = request.create_proxy(self._context)
        await self.collection.add(proxy, enabled=request.enabled)
        self.collection.schedule_enable(proxy, request.expires_in)
        return _json(proxy.to_json(), 201)

    async def _populate(self, body: bytes) -> Response:
        done: list[Proxy] = []
        try:
            await self.populate(body, done)
            status, answer = 201, {}
        except ApiError as error:
            status, answer = error.status, {"error": error.message, "status": error.status}
        except DecodeError as error:
            message = ApiError(BAD_BODY, str(error)).message
            status, answer = 400, {"error": message, "status": 400}
        except AddressError as error:
            status, answer = 500, {"error": str(error), "status": 500}
        proxies = [proxy.to_json() for proxy in done]
        return _json({**answer, "proxies": proxies or None}, status)

    async def populate(self, body: bytes, done: list[Proxy]) -> None:
        """Create the proxies of a JSON list, as `POST /populate` and `-config` do.

        Args:
            body: The JSON list.
            done: Output list. Each proxy is appended once it is in place, so that the list is
                correct even if a later one fails.

        Raises:
            ApiError: An entry is invalid; no proxy was created.
            DecodeError: The body is not a JSON list of proxies; no proxy was created.
            AddressError: A proxy cannot listen; those before it stay.
        """
        for request in read_populate(body):
            proxy = request.create_proxy(self._context)
            placed = await self.collection.add_or_replace(proxy, enabled=request.enabled)
            request.replace_toxics(placed)
            if placed is proxy:
                self.collection.schedule_enable(placed, request.expires_in)
            done.append(placed)

    async def _get_proxy(self, _body: bytes, name: str) -> Response:
        return _json(self.collection.get(name).to_json())

    async def _update_proxy(self, body: bytes, name: str) -> Response:
        proxy = self.collection.get(name)
        request = read_proxy(body, proxy)
        await self.collection.update(
            proxy, listen=request.listen, upstream=request.upstream, enabled=request.enabled
        )
        self.collection.schedule_enable(proxy, request.expires_in)
        proxy.half_close = request.half_close
        proxy.max_connections = request.max_connections
        return _json(proxy.to_json())

    async def _delete_proxy(self, _body: bytes, name: str) -> Response:
        await self.collection.remove(name)
        return Response(204)

    async def _reset(self, _body: bytes) -> Response:
        await self.collection.reset()
        return Response(204)

    async def _list_connections(self, _body: bytes, name: str) -> Response:
        proxy = self.collection.get(name)
        connections = [connection.to_json() for connection in proxy.connections.values()]
        return Response(200, encode_list(connections), [_JSON])

    # Handlers of toxics.

    async def _list_toxics(self, _body: bytes, name: str) -> Response:
        return _json(self.collection.get(name).toxics.to_json())

    async def _add_toxic(self, body: bytes, name: str) -> Response:
        toxics = self.collection.get(name).toxics
        request = read_toxic(body, toxics)
        if request.name in toxics:
            raise ApiError(TOXIC_EXISTS)
        return _json(request.add_to(toxics).to_json(self._context.loop.time()))

    async def _get_toxic(self, _body: bytes, name: str, toxic: str) -> Response:
        wrapper = self.collection.get(name).toxics.get(toxic)
        return _json(wrapper.to_json(self._context.loop.time()))

    async def _update_toxic(self, body: bytes, name: str, toxic: str) -> Response:
        toxics = self.collection.get(name).toxics
        wrapper = toxics.get(toxic)
        update = read_toxic_update(body, wrapper)
        toxics.update(
            wrapper, toxic=update.toxic, toxicity=update.toxicity, expires_in=update.expires_in
        )
        return _json(wrapper.to_json(self._context.loop.time()))

    async def _delete_toxic(self, _body: bytes, name: str, toxic: str) -> Response:
        toxics = self.collection.get(name).toxics
        toxics.remove(toxics.get(toxic))
        return Response(204)

    # Other handlers.

    async def _get_version(self, _body: bytes) -> Response:
        headers = [("Content-Type", "application/json;charset=utf-8")]
        return Response(200, f'{{"version": "{VERSION}"}}\n'.encode(), headers)

    async def _get_metrics(self, _body: bytes) -> Response:
        proxies = self.collection.proxies.values()
        counts = (c for proxy in proxies for c in proxy.byte_counts(proxy.connections.values()))
        rendered = self._context.metrics.render(counts)
        headers: Headers = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]
        return Response(200, rendered.encode(), headers)


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, encode(value), [_JSON])


def _error(message: str, status: int) -> Response:
    # JSON with the type text/plain is what Go's http.Error sends, and what clients expect.
    body = encode({"error": message, "status": status}) + b"\n"
    return Response(status, body, list(_TEXT))


def _clean_path(path: bytes) -> bytes:
    clean = posixpath.normpath(path).replace(b"//", b"/")
    return clean + b"/" if path.endswith(b"/") and clean != b"/" else clean


def _request_id() -> str:
    """Return 20 characters in the format of an xid: 4 bytes of time, then 9 random bytes."""
    number = int.from_bytes(int(time.time()).to_bytes(4, "big") + os.urandom(9), "big")
    return "".join(_XID_DIGITS[number >> shift & 31] for shift in range(99, 0, -5))
