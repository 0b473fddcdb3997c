"""Paged reads: `?after=CURSOR&limit=N` in, `{"items": [...], "next": PATH | null}` out."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from ._app import ApiError, reply

DEFAULT_LIMIT = 500
MAX_LIMIT = 5000


def read_page(request: Request) -> tuple[str | None, int]:
    """Return the cursor (None: from the start) and the limit of a paged read.

    Raises:
        ApiError: The limit is invalid (status 400, code `query`).
    """
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise ApiError(400, "query", f"limit must be 1 to {MAX_LIMIT}, not {text!r}")
    return request.query_params.get("after"), int(text)


def read_numbered_page(request: Request) -> tuple[int, int]:
    """Return the cursor and the limit of a paged read whose cursor is a number, from 1.

    Raises:
        ApiError: The cursor or the limit is invalid (status 400, code `query`).
    """
    after, limit = read_page(request)
    if after is not None and not after.isdecimal():
        raise ApiError(400, "query", f"after must be a number, not {after!r}")
    return int(after or 0), limit


def page_reply(
    request: Request, items: Sequence[object], last: str | int | None, limit: int
) -> Response:
    """Return a page of `items` whose last one has the cursor `last`.

    A page with fewer than `limit` items has no next page.
    """
    more = len(items) >= limit and last is not None
    following = request.url.path + f"?after={last}&limit={limit}" if more else None
    return reply({"items": items, "next": following})
