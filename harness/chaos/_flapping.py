"""Flapping: a fault that is injected and healed in turn."""

from collections.abc import Callable
from threading import Event

from harness.clock import WALL_CLOCK, Clock

from ._injection import Injection


def flap(
    inject: Callable[[], Injection],
    *,
    on: float,
    off: float,
    stop: Event,
    seconds: float | None = None,
    clock: Clock = WALL_CLOCK,
) -> list[Injection]:
    """Inject and heal over and over until `stop` is set or `seconds` have passed.

    Args:
        inject: Injects the fault once.
        on: Seconds of `clock` from each injection until it is healed.
        off: Seconds of `clock` from the end of `on` until the next injection.
        stop: Set from another thread to end the flapping; a fault that is active is healed.
        seconds: Seconds of `clock` for the whole; None: until `stop` is set.
        clock: The run's clock.

    Returns:
        Every injection, healed.

    Raises:
        ChaosError, UnhealedError: as `inject` and `Injection.heal`.
    """
    end = None if seconds is None else clock.monotonic() + seconds
    injections = []

    def wait_until(moment: float) -> bool:
        """Wait until `moment` or the end; return True if flapping goes on."""
        wake = moment if end is None else min(moment, end)
        clock.wait(stop, wake - clock.monotonic())
        return not stop.is_set() and (end is None or clock.monotonic() < end)

    goes_on = not stop.is_set()
    while goes_on:
        with inject() as injection:
            injections.append(injection)
            goes_on = wait_until(injection.since + on)
        goes_on = goes_on and wait_until(injection.since + on + off)
    return injections
