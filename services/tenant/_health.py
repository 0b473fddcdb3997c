"""Detects when a tenant has lost its storage, and when nobody calls it any more.

A single failed call is not a loss, nor is a restart of the database: the storage counts as lost
when all calls have failed for a grace period. Silence is counted in rounds of this process's own
background task, so that a process that was paused or starved does not count its own absence.
"""


class StorageHealth:
    """Tracks the results of calls to the storage.

    Args:
        grace: Scenario seconds of failures, without one success, after which it counts as lost.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._failing_since: float | None = None

    @property
    def is_failing(self) -> bool:
        """True if the last call failed."""
        return self._failing_since is not None

    def record_success(self) -> None:
        """Record that a call succeeded."""
        self._failing_since = None

    def record_failure(self, now: float) -> bool:
        """Record that a call failed at time `now`; return True if the storage counts as lost."""
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since >= self._grace


class SilenceTimer:
    """Measures for how long no caller has been active.

    Args:
        limit: Scenario seconds after which the silence is too long.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._silent_for = 0.0
        self._was_active = False

    def record_activity(self) -> None:
        """Record that a caller was active."""
        self._was_active = True

    def end_round(self, seconds: float) -> bool:
        """End a round of `seconds`; return True if the silence has lasted too long."""
        self._silent_for = 0.0 if self._was_active else self._silent_for + seconds
        self._was_active = False
        return self._silent_for >= self._limit
