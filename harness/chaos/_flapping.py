"""A fault that comes and goes: injected and healed in turn, for as long as it is wanted."""

from collections.abc import Callable
from threading import Event
from time import monotonic

from ._injection import Injection


def flap(
    inject: Callable[[], Injection],
    *,
    on: float,
    off: float,
    stop: Event,
    seconds: float | None = None,
) -> list[Injection]:
    """Inject and heal over and over, until `stop` is set or `seconds` have passed; each time.

    Raises:
        ChaosError, UnhealedError: as `inject` and `Injection.heal`.
    """
    end = None if seconds is None else monotonic() + seconds
    done = []

    def rest(since: float, length: float) -> bool:
        """Wait until `since + length`; whether to go on."""
        until = since + length if end is None else min(since + length, end)
        stop.wait(max(0.0, until - monotonic()))
        return not stop.is_set() and (end is None or monotonic() < end)

    go_on = not stop.is_set()
    while go_on:
        with inject() as injection:
            done.append(injection)
            go_on = rest(injection.since, on)
        go_on = go_on and rest(injection.since + on, off)
    return done
