"""The HTTP API: the routes, their handlers, and the form of the responses.

It behaves as Toxiproxy 2.12 does, including the quirks of its router. docs/proxy.md lists every
difference, with the reason.
"""

import os
import posixpath
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from harness.proxy._address import AddressError
from harness.proxy._bodies import read_populate, read_proxy, read_toxic, read_toxic_update
from harness.proxy._collection import Collection
from harness.proxy._errors import BAD_BODY, PROXY_EXISTS, TOXIC_EXISTS, ApiError
from harness.proxy._gojson import DecodeError, encode, encode_list
from harness.proxy._http import Headers, Request, Response
from harness.proxy._proxy import Proxy, World

VERSION: Final = "2.12.0"
_JSON: Final = ("Content-Type", "application/json")
_TEXT: Final = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
]
_XID_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")

Handler = Callable[..., Coroutine[Any, Any, Response]]
"""Takes the request body and the names in the path (proxy, then toxic)."""


class Api:
    """Routes requests to their handlers and changes the proxies of one server.

    `collection` holds the proxies.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.collection = Collection(world)
        self._routes: list[tuple[tuple[str, ...], dict[str, Handler]]] = [
            (("reset",), {"POST": self._reset}),
            (("proxies",), {"GET": self._index, "POST": self._create}),
            (("populate",), {"POST": self._populate}),
            (("proxies", "*"), {
                "GET": self._show, "POST": self._update, "PATCH": self._update,
                "DELETE": self._delete,
            }),
            (("proxies", "*", "toxics"), {"GET": self._toxics, "POST": self._add_toxic}),
            (("proxies", "*", "toxics", "*"), {
                "GET": self._show_toxic, "POST": self._update_toxic, "PATCH": self._update_toxic,
                "DELETE": self._delete_toxic,
            }),
            (("proxies", "*", "connections"), {"GET": self._connections}),
            (("version",), {"GET": self._version}),
        ]  # fmt: skip
        if world.metrics.proxies or world.metrics.runtime:
            self._routes.append((("metrics",), {"*": self._metrics}))

    async def respond(self, request: Request) -> Response:
        """Handle a request and return the response.

        Every error becomes a response: a handler that raises never stops the server.
        """
        path, _, query = request.target.partition(b"?")
        if _BAD_ESCAPE.search(path) or not path.startswith(b"/"):
            return Response(400, b"400 Bad Request", [_TEXT[0]])
        clean = _clean(path)
        if clean != path:
            location = (clean + (b"?" + query if query else b"")).decode("latin-1")
            return Response(301, b"", [("Location", location)])
        segments = [unquote_to_bytes(part).decode("utf-8", "replace")
                    for part in path[1:].split(b"/")]  # fmt: skip
        methods = self._find(segments)
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

    def _find(self, segments: list[str]) -> dict[str, Handler] | None:
        for pattern, methods in self._routes:
            if len(pattern) == len(segments) and all(
                want == have or (want == "*" and have)
                for want, have in zip(pattern, segments, strict=True)
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
            self._world.log("error", "request_failed", error=repr(error))
            return _error(f"internal error: {error!r}", 500)

    # Proxies.

    async def _index(self, _body: bytes) -> Response:
        proxies = self.collection.proxies
        return _json({name: proxies[name].shown() for name in sorted(proxies)})

    async def _create(self, body: bytes) -> Response:
        wanted = read_proxy(body)
        if wanted.name in self.collection.proxies:
            raise ApiError(PROXY_EXISTS)
        proxy = wanted.build(self._world)
        await self.collection.add(proxy, enabled=wanted.enabled)
        self.collection.lease_cut(proxy, wanted.expires_in)
        return _json(proxy.shown(), 201)

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
        shown = [proxy.shown() for proxy in done]
        return _json({**answer, "proxies": shown or None}, status)

    async def populate(self, body: bytes, done: list[Proxy]) -> None:
        """Create or replace the proxies of a JSON list.

        Args:
            body: The JSON list of proxies.
            done: Receives each proxy as soon as it is in place, so that the caller knows them
                if a later one fails.

        Raises:
            ApiError, DecodeError: The body is invalid; no proxy was changed.
            AddressError: A proxy cannot listen; those in `done` stay in place.
        """
        for wanted in read_populate(body):
            proxy = wanted.build(self._world)
            placed = await self.collection.put(proxy, enabled=wanted.enabled)
            wanted.apply_toxics(placed)
            if placed is proxy:
                self.collection.lease_cut(placed, wanted.expires_in)
            done.append(placed)

    async def _show(self, _body: bytes, name: str) -> Response:
        return _json(self.collection.get(name).shown())

    async def _update(self, body: bytes, name: str) -> Response:
        proxy = self.collection.get(name)
        wanted = read_proxy(body, proxy)
        await self.collection.update(
            proxy, listen=wanted.listen, upstream=wanted.upstream, enabled=wanted.enabled
        )
        self.collection.lease_cut(proxy, wanted.expires_in)
        proxy.half_close = wanted.half_close
        proxy.max_connections = wanted.max_connections
        return _json(proxy.shown())

    async def _delete(self, _body: bytes, name: str) -> Response:
        await self.collection.remove(name)
        return Response(204)

    async def _reset(self, _body: bytes) -> Response:
        await self.collection.reset()
        return Response(204)

    async def _connections(self, _body: bytes, name: str) -> Response:
        proxy = self.collection.get(name)
        shown = [connection.shown() for connection in proxy.connections.values()]
        return Response(200, encode_list(shown), [_JSON])

    # Toxics.

    async def _toxics(self, _body: bytes, name: str) -> Response:
        return _json(self.collection.get(name).shown_toxics())

    async def _add_toxic(self, body: bytes, name: str) -> Response:
        proxy = self.collection.get(name)
        wanted = read_toxic(body, proxy)
        if proxy.has_toxic(wanted.name):
            raise ApiError(TOXIC_EXISTS)
        return _json(wanted.place(proxy).shown(self._world.loop.time()))

    async def _show_toxic(self, _body: bytes, name: str, toxic: str) -> Response:
        found = self.collection.get(name).find(toxic)
        return _json(found.shown(self._world.loop.time()))

    async def _update_toxic(self, body: bytes, name: str, toxic: str) -> Response:
        proxy = self.collection.get(name)
        placement = proxy.find(toxic)
        settings, toxicity, expires_in = read_toxic_update(body, placement)
        proxy.update_toxic(placement, toxic=settings, toxicity=toxicity, expires_in=expires_in)
        return _json(placement.shown(self._world.loop.time()))

    async def _delete_toxic(self, _body: bytes, name: str, toxic: str) -> Response:
        proxy = self.collection.get(name)
        proxy.remove_toxic(proxy.find(toxic))
        return Response(204)

    # Version and metrics.

    async def _version(self, _body: bytes) -> Response:
        headers = [("Content-Type", "application/json;charset=utf-8")]
        return Response(200, f'{{"version": "{VERSION}"}}\n'.encode(), headers)

    async def _metrics(self, _body: bytes) -> Response:
        proxies = self.collection.proxies.values()
        counts = (c for proxy in proxies for c in proxy.counts(proxy.connections.values()))
        rendered = self._world.metrics.render(counts)
        headers: Headers = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]
        return Response(200, rendered.encode(), headers)


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, encode(value), [_JSON])


def _error(message: str, status: int) -> Response:
    # The body is JSON but its type is text/plain: Go's http.Error sets that type, and clients
    # of Toxiproxy are used to it.
    body = encode({"error": message, "status": status}) + b"\n"
    return Response(status, body, list(_TEXT))


def _clean(path: bytes) -> bytes:
    clean = posixpath.normpath(path).replace(b"//", b"/")
    return clean + b"/" if path.endswith(b"/") and clean != b"/" else clean


def _request_id() -> str:
    """Return 20 characters in the form of an xid: the time in seconds, then random bits."""
    number = int.from_bytes(int(time.time()).to_bytes(4, "big") + os.urandom(9), "big")
    return "".join(_XID_DIGITS[number >> shift & 31] for shift in range(99, 0, -5))
