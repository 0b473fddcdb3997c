"""The end of a run: wait until the system has nothing left to do, then read what it holds."""

from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any

import httpx

from harness.history import Read
from harness.stack import Service, Stack

_ANSWER_WITHIN = 5.0
"""Real seconds for one page or one question; the system is at rest by then."""

_PAGES = 100_000
"""A read that pages on for ever is an error, not a full disk."""


def client() -> httpx.Client:
    """An HTTP client that looks at no proxy settings and pays for no TLS context."""
    return httpx.Client(timeout=_ANSWER_WITHIN, trust_env=False, verify=False)  # noqa: S501 - plain HTTP on loopback


def await_quiescence(stack: Stack, stop: Flag, remaining: Callable[[], float]) -> str:
    """Poll until every service has said twice running that it has nothing left to do.

    Returns:
        Empty when quiescent, else who was not, and why.
    """
    asked = {name: s for name, s in stack.spec.services.items() if s.quiescent}
    calm = 0
    with client() as http:
        while not stop.is_set():
            busy = [text for name, s in asked.items() if (text := _busy(http, stack, name, s))]
            calm = 0 if busy else calm + 1
            if calm == 2:
                return ""
            if remaining() <= 0:
                return "; ".join(busy) or "it had only just come to rest"
            stop.wait(0.2)
    return "the run was ended before the system could come to rest"


def _busy(http: httpx.Client, stack: Stack, name: str, service: Service) -> str:
    try:
        answer = http.get(f"http://{stack.address(name)}{service.quiescent}").json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"{name} does not answer ({type(error).__name__})"
    if not isinstance(answer, dict):
        return f"{name} answers {service.quiescent} with something that is no JSON object"
    if answer.get("quiescent") is True:
        return ""
    shown = ", ".join(f"{key} {value}" for key, value in answer.items() if key != "quiescent")
    return f"{name} is not quiescent ({shown})"


def final_reads(stack: Stack) -> Iterator[Read]:
    """Every page of every final read that the stack declares; an error ends one read only."""
    with client() as http:
        for name, service in stack.spec.services.items():
            for read, path in service.reads.items():
                yield from _pages(http, f"http://{stack.address(name)}", name, read, path)


def _pages(http: httpx.Client, base: str, service: str, read: str, path: str) -> Iterator[Read]:
    following: str | None = path
    for _ in range(_PAGES):
        try:
            answer = http.get(f"{base}{following}")
            answer.raise_for_status()
            items, following = _page(answer.json())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            yield Read(t=0.0, service=service, name=read, error=f"{type(error).__name__}: {error}")
            return
        yield Read(t=0.0, service=service, name=read, items=items, complete=following is None)
        if following is None:
            return
    yield Read(t=0.0, service=service, name=read, error=f"still more after {_PAGES} pages")


def _page(page: Any) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """The items of a page and the path of the next one.

    Raises:
        ValueError: it is no page.
    """
    if not isinstance(page, dict) or not {"items", "next"} <= page.keys():
        raise ValueError('a page must be {"items": [...], "next": path or null}')
    items, following = page["items"], page["next"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("a page's items must be a list of JSON objects")
    if following is not None and not (isinstance(following, str) and following.startswith("/")):
        raise ValueError("a page's next must be a path that begins with / or null")
    return tuple(items), following
