"""The end of a run: wait until the system has nothing left to do, then take the final reads."""

from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any

from harness.clock import Clock
from harness.history import Ended, Read
from harness.stack import Service, Stack

from ._bounded_get import (
    GET_ERRORS,
    BoundedClient,
    StoppedError,
    TooLargeError,
    TooSlowError,
    http_client,
)

_ANSWER_TIME = 5.0
"""Wall-clock seconds for one answer to `quiescent`. The system has no load then, so it is quick."""

_INTERVAL = 0.2
"""Wall-clock seconds between two rounds of polling."""

_READ_TIME = 60.0
"""Wall-clock seconds for all final reads of one service."""

_PAGE_BYTES = 64 << 20
"""The largest page of a read, and the largest answer to `quiescent`."""

_READ_BYTES = 256 << 20
"""The largest read, all pages together. Checks keep every read in memory as Python objects, which
need about ten times as much."""

_MAX_PAGES = 100_000
"""A read with more pages is taken for one that never ends."""

_MAX_TEXT = 500
"""Characters after which text from a service is cut in an error or a reason."""

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
    with BoundedClient(stop, clock, http_client) as http:
        while not stop.is_set():
            problems = [_problem(http, stack, name, s, clock) for name, s in polled.items()]
            if stop.is_set():
                break
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


def _problem(http: BoundedClient, stack: Stack, name: str, service: Service, clock: Clock) -> str:
    """Return why the service `name` is not quiescent; empty if it is."""
    url = f"http://{stack.address(name)}{service.quiescent}"
    deadline = clock.monotonic() + _ANSWER_TIME
    try:
        answer, _ = http.get_json(url, deadline=deadline, max_bytes=_PAGE_BYTES)
    except TooSlowError:
        return f"{name} takes longer than {_ANSWER_TIME:g} s to answer {service.quiescent}"
    except TooLargeError:
        return f"{name} answers {service.quiescent} with more than {_megabytes(_PAGE_BYTES)}"
    except (StoppedError, *GET_ERRORS) as error:
        return f"{name} does not answer ({type(error).__name__})"
    if not isinstance(answer, dict):
        return f"{name} answers {service.quiescent} with something that is not a JSON object"
    if answer.get("quiescent") is True:
        return ""
    shown = ", ".join(f"{key} {value}" for key, value in answer.items() if key != "quiescent")
    return f"{name} is not quiescent ({_cut(shown)})"


def final_reads(stack: Stack, stop: Flag, clock: Clock) -> Iterator[Read]:
    """Yield every page of every final read that the stack declares.

    An error ends only the read in which it occurs; it is in the last event of that read. A read
    that exceeds a bound on time, bytes or pages ends with an error, too. When `stop` is set, the
    read under way ends with an error, and no other read begins.
    """
    for name, service in stack.spec.services.items():
        deadline = clock.monotonic() + _READ_TIME
        with BoundedClient(stop, clock, http_client) as http:
            for read, path in service.reads.items():
                if stop.is_set():
                    return
                base = f"http://{stack.address(name)}"
                pages = _Pages(http, base, name, read, deadline=deadline, clock=clock)
                yield from pages.read(path)


class _Pages:
    """The pages of one final read of a service."""

    def __init__(
        self,
        http: BoundedClient,
        base: str,
        service: str,
        read: str,
        *,
        deadline: float,
        clock: Clock,
    ) -> None:
        self._http, self._base = http, base
        self._deadline, self._clock = deadline, clock
        self._service, self._read = service, read
        self._bytes = 0

    def read(self, path: str) -> Iterator[Read]:
        """Yield the page at `path` and those that follow it; the last event may be an error."""
        following: str | None = path
        for _ in range(_MAX_PAGES):
            try:
                items, following = self._page(f"{self._base}{following}")
            except TooSlowError:
                yield self._exceeded(f"takes more than {_READ_TIME:g} s for all its reads")
                return
            except TooLargeError:
                is_page = _READ_BYTES - self._bytes >= _PAGE_BYTES
                where, bound = ("page", _PAGE_BYTES) if is_page else ("read", _READ_BYTES)
                yield self._exceeded(f"has more than {_megabytes(bound)} in one {where}")
                return
            except StoppedError:
                yield self._error("the run was ended during this read")
                return
            except GET_ERRORS as error:
                yield self._error(_cut(f"{type(error).__name__}: {error}"))
                return
            complete = following is None
            yield Read(
                t=0.0, service=self._service, name=self._read, items=items, complete=complete
            )
            if complete:
                return
        yield self._exceeded(f"has more than {_MAX_PAGES} pages")

    def _page(self, url: str) -> tuple[tuple[dict[str, Any], ...], str | None]:
        if self._clock.monotonic() >= self._deadline:
            raise TooSlowError
        max_bytes = min(_PAGE_BYTES, _READ_BYTES - self._bytes)
        page, size = self._http.get_json(url, deadline=self._deadline, max_bytes=max_bytes)
        self._bytes += size
        return _parse_page(page)

    def _exceeded(self, bound: str) -> Read:
        return self._error(
            f"{self._service}: read {self._read!r} {bound}; is its `next` ever null? "
            f"Let it return less"
        )

    def _error(self, text: str) -> Read:
        return Read(t=0.0, service=self._service, name=self._read, error=text)


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):g} MB"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


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
