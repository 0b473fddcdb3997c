"""When a tenant has lost its storage, and when it has lost everybody.

One slow answer is no loss, nor is the moment in which the database restarts: storage is lost if
nothing but failures was seen for a while. And nobody having come is only known to who was
listening: quiet is counted in rounds of this process's own watch, so that a process that was
paused or starved does not take its own absence for theirs.
"""


class Storage:
    """What is known about the storage from the calls to it."""

    def __init__(self, grace: float) -> None:
        """Lost after failures for `grace` seconds of life without one success."""
        self._grace = grace
        self._failing_since: float | None = None

    @property
    def failing(self) -> bool:
        """Whether the last call failed."""
        return self._failing_since is not None

    def answered(self) -> None:
        """A call succeeded."""
        self._failing_since = None

    def failed(self, now: float) -> bool:
        """A call failed; whether that makes the storage lost."""
        if self._failing_since is None:
            self._failing_since = now
        return now - self._failing_since >= self._grace


class Quiet:
    """Counts for how long nobody came."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._quiet = 0.0
        self._heard = False

    def heard(self) -> None:
        """Somebody came."""
        self._heard = True

    def listened(self, seconds: float) -> bool:
        """A round of `seconds` is over; whether it has been quiet for too long."""
        self._quiet = 0.0 if self._heard else self._quiet + seconds
        self._heard = False
        return self._quiet >= self._limit
