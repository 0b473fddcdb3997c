"""Manual verification: a check against the offline watchlist, a stamp and a handwritten record.

As at Soekarno-Hatta in June 2024, a record has date, time, flight and the officer's initials, and
for foreigners the number of the visa and the length of stay.
It is committed to the journal before the traveller is answered. If that fails, nobody is admitted
and nothing is decided: the traveller asks again once the journal has room.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from services.kit import ApiError, Journal, JournalError, Record, Settled, World
from services.traveller import Traveller

from ._decision import Decision
from ._offline_watchlist import OfflineWatchlist

UNSURE = "unsure"
_RETRY_AFTER = 300.0
"""`retry_after` in scenario seconds: time in which room may be made on the journal's disk."""

_LATE_FIELDS = (
    "id",
    "document",
    "nationality",
    "airport",
    "flight",
    "direction",
    "channel",
    "recorded_at",
    "officer",
    "snapshot_version",
)


class ManualVerification:
    """Decides about travellers without the data center."""

    def __init__(
        self, world: World, journal: Journal, offline: OfflineWatchlist, airport: str
    ) -> None:
        self._clock = world.clock
        self._log = world.log
        self._journal = journal
        self._offline_watchlist = offline
        self._airport = airport
        self._offset = timedelta(hours=float(world.env.get("UTC_OFFSET", "7")))

    def decide(self, traveller: Traveller, desk: int, *, maybe_recorded: bool) -> Decision:
        """Decide and record the decision, without an `await` in between.

        Args:
            traveller: The traveller at the desk.
            desk: The number of the desk, for the officer's initials.
            maybe_recorded: True if the ledger may have the crossing from an online check.

        Raises:
            ApiError: The decision cannot be recorded.
        """
        refusal = self._refusal(traveller)
        if refusal is None:
            return self._admit(traveller, desk, maybe_recorded=maybe_recorded)
        if maybe_recorded:
            # The border may have recorded a traveller who is not admitted: a case for an officer.
            self._quarantine(traveller, desk)
        return refusal

    def recorded_decision(self, traveller: Traveller) -> Decision | None:
        """Return the decision that the journal has for this crossing; None if it has none."""
        record = self._journal.find(traveller.request.crossing)
        if record is None:
            return None
        content = record.content
        shown = traveller.crossing(self._airport, "late", 0.0)
        if any(content[field] != shown[field] for field in ("document", "flight", "direction")):
            return Decision("held", "manual", "snapshot", reason="conflict")
        if record.reason == UNSURE:
            return Decision("held", "manual", "snapshot", reason=UNSURE)
        return self._admitted(content)

    def _refusal(self, traveller: Traveller) -> Decision | None:
        offline = self._offline_watchlist
        if offline.version is None:
            return Decision("held", "manual", "snapshot", reason="no-snapshot")
        if not offline.is_valid:
            return self._held("snapshot-too-old")
        return self._held("watchlist") if offline.contains(traveller.document) else None

    def _held(self, reason: str) -> Decision:
        return Decision(
            "held",
            "manual",
            "snapshot",
            snapshot_version=self._offline_watchlist.version,
            snapshot_age=self._offline_watchlist.age,
            reason=reason,
        )

    def _admit(self, traveller: Traveller, desk: int, *, maybe_recorded: bool) -> Decision:
        try:
            record = self._journal.append(traveller.request.crossing, self._stamp(traveller, desk))
        except JournalError as error:
            raise self._journal_error(traveller, error, maybe_recorded=maybe_recorded) from error
        return self._admitted(record.content)

    def _quarantine(self, traveller: Traveller, desk: int) -> None:
        crossing = traveller.request.crossing
        try:
            self._journal.append(crossing, self._stamp(traveller, desk))
            self._journal.settle([Settled(crossing, "quarantined", UNSURE)])
        except JournalError as error:
            raise self._journal_error(traveller, error, maybe_recorded=True) from error
        self._log("quarantine", id=crossing, reason=UNSURE)

    def _journal_error(
        self, traveller: Traveller, error: JournalError, *, maybe_recorded: bool
    ) -> ApiError:
        """Log that the journal failed, and return the answer to the traveller."""
        self._log("journal-failed", id=traveller.request.crossing, reason=str(error))
        if maybe_recorded:  # the ledger may have the crossing: neither decision would be true
            return ApiError(500, "unsure", str(error))
        return ApiError(503, "journal", str(error), retry_after=_RETRY_AFTER)

    def _stamp(self, traveller: Traveller, desk: int) -> Mapping[str, object]:
        now = self._clock.now()
        local = datetime.fromtimestamp(now, UTC) + self._offset
        zone, visa = traveller.mrz, traveller.request.visa
        stamp: dict[str, object] = {
            "date": f"{local:%Y-%m-%d}",
            "time": f"{local:%H:%M}",
            "flight": traveller.request.flight,
            "initials": f"{self._airport[:1].upper()}{desk}",
        }
        if zone.nationality != "IDN":
            stamp["visa"] = visa.number if visa else zone.optional or None
            stamp["days"] = visa.days if visa else 30
        return {
            **traveller.crossing(self._airport, "late", now),
            "officer": f"{self._airport}-{desk}",
            "snapshot_version": self._offline_watchlist.version,
            "snapshot_age": self._offline_watchlist.age,
            "stamp": stamp,
        }

    @staticmethod
    def _admitted(content: Mapping[str, object]) -> Decision:
        version, age = content["snapshot_version"], content["snapshot_age"]
        assert isinstance(version, int)
        assert isinstance(age, int | float)
        return Decision(
            "admitted", "manual", "snapshot", snapshot_version=version, snapshot_age=float(age)
        )


def late_record(record: Record) -> dict[str, object]:
    """Return a journal record in the form of the border's `POST /crossings/batch`."""
    return {field: record.content[field] for field in _LATE_FIELDS}
