"""Paged reads: `?after=CURSOR&limit=N` in, `{"items": [...], "next": PATH | null}` out."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from ._app import ApiError, reply

LIMIT = 500
MOST = 5000


def read_page(request: Request) -> tuple[str | None, int]:
    """The cursor and the limit that a paged read asks for."""
    text = request.query_params.get("limit", str(LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise ApiError(400, "query", f"limit must be 1 to {MOST}, not {text!r}")
    return request.query_params.get("after"), int(text)


def read_numbered_page(request: Request) -> tuple[int, int]:
    """As `read_page`, where the cursor is a number that grows from 1."""
    after, limit = read_page(request)
    if after is not None and not after.isdecimal():
        raise ApiError(400, "query", f"after must be a number, not {after!r}")
    return int(after or 0), limit


def page_reply(
    request: Request, items: Sequence[object], last: str | int | None, limit: int
) -> Response:
    """A page that ends at the cursor `last`. A short page is the last one."""
    more = len(items) >= limit and last is not None
    following = request.url.path + f"?after={last}&limit={limit}" if more else None
    return reply({"items": items, "next": following})
