"""The end of a run: wait until the system has nothing left to do, then take the final reads."""

from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any

import httpx

from harness.clock import Clock
from harness.history import Ended, Read
from harness.stack import Service, Stack

_TIMEOUT = 5.0
"""Wall-clock seconds for one request. By then the system has no load, so an answer is quick."""

_INTERVAL = 0.2
"""Wall-clock seconds between two rounds of polling."""

_MAX_PAGES = 100_000
"""A read with more pages is taken for one that never ends, so that it cannot fill the disk."""


def http_client() -> httpx.Client:
    """Return an HTTP client that ignores proxy settings and sets up no TLS context."""
    return httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=False)  # noqa: S501 - plain HTTP on loopback


NOBODY_ASKED = "no service has x-harness.quiescent, so none could be asked"
"""What `await_quiescence` returns if it could ask nobody."""


def await_quiescence(stack: Stack, stop: Flag, remaining: Callable[[], float], clock: Clock) -> str:
    """Poll until every service reports twice in a row that it has nothing left to do.

    If no service has a `quiescent` path, wait for all of the time that is left.

    Args:
        stack: its services' `quiescent` paths are polled.
        stop: ends the wait when it is set.
        remaining: returns the wall-clock seconds that are left.
        clock: the run's clock.

    Returns:
        An empty text once the system is quiescent, else which services are not, and why;
        `NOBODY_ASKED` if no service could be asked.
    """
    polled = {name: s for name, s in stack.spec.services.items() if s.quiescent}
    while not polled and not stop.is_set():
        left = remaining()
        if left <= 0:
            return NOBODY_ASKED
        clock.wait(stop, left)
    quiet_rounds = 0
    with http_client() as http:
        while not stop.is_set():
            problems = [_problem(http, stack, name, s) for name, s in polled.items()]
            busy = [text for text in problems if text]
            quiet_rounds = 0 if busy else quiet_rounds + 1
            if quiet_rounds == 2:
                return ""
            if remaining() <= 0:
                return "; ".join(busy) or "the system became quiescent only in the last moment"
            clock.wait(stop, _INTERVAL)
    return "the run was ended before the system was quiescent"


def end_event(busy: str) -> Ended:
    """Return the end of the run, with `busy` as `await_quiescence` returned it."""
    return Ended(t=0.0, quiescent=not busy, asked=busy != NOBODY_ASKED, reason=busy)


def _problem(http: httpx.Client, stack: Stack, name: str, service: Service) -> str:
    """Return why the service `name` is not quiescent; empty if it is."""
    try:
        answer = http.get(f"http://{stack.address(name)}{service.quiescent}").json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return f"{name} does not answer ({type(error).__name__})"
    if not isinstance(answer, dict):
        return f"{name} answers {service.quiescent} with something that is not a JSON object"
    if answer.get("quiescent") is True:
        return ""
    shown = ", ".join(f"{key} {value}" for key, value in answer.items() if key != "quiescent")
    return f"{name} is not quiescent ({shown})"


def final_reads(stack: Stack) -> Iterator[Read]:
    """Yield every page of every final read that the stack declares.

    An error ends only the read in which it occurs; it is in the last event of that read.
    """
    with http_client() as http:
        for name, service in stack.spec.services.items():
            for read, path in service.reads.items():
                yield from _pages(http, f"http://{stack.address(name)}", name, read, path)


def _pages(http: httpx.Client, base: str, service: str, read: str, path: str) -> Iterator[Read]:
    following: str | None = path
    for _ in range(_MAX_PAGES):
        try:
            answer = http.get(f"{base}{following}")
            answer.raise_for_status()
            items, following = _parse_page(answer.json())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            yield Read(t=0.0, service=service, name=read, error=f"{type(error).__name__}: {error}")
            return
        yield Read(t=0.0, service=service, name=read, items=items, complete=following is None)
        if following is None:
            return
    error_text = f"there are more than {_MAX_PAGES} pages"
    yield Read(t=0.0, service=service, name=read, error=error_text)


def _parse_page(page: Any) -> tuple[tuple[dict[str, Any], ...], str | None]:
    """Return the items of a page and the path of the next page, None on the last one.

    Raises:
        ValueError: `page` does not have the form of a page.
    """
    if not isinstance(page, dict) or not {"items", "next"} <= page.keys():
        raise ValueError('a page must be {"items": [...], "next": path or null}')
    items, following = page["items"], page["next"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("a page's items must be a list of JSON objects")
    if following is not None and not (isinstance(following, str) and following.startswith("/")):
        raise ValueError("a page's next must be a path that begins with / or null")
    return tuple(items), following
