"""Notices to the public: when one is due, and what it says, in Indonesian and English."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, TypeAlias

from ._incident import Incident
from ._plan import Plan
from ._progress import Recovery

NoticeState: TypeAlias = Literal["disruption", "progress", "all-clear"]

_WIB = timezone(timedelta(hours=7), "WIB")
_MONTHS = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "en": "January February March April May June July August September October November December",
}


@dataclass(frozen=True)
class Notice:
    """One notice, as it was published."""

    number: int
    state: NoticeState
    issued_at: float
    next_due: float | None
    """The next notice comes no later; None after the all-clear."""
    texts: dict[str, str]


@dataclass(frozen=True)
class Picture:
    """What the public should know at one moment. A change of it is worth a notice at once."""

    state: NoticeState
    working: tuple[str, ...]
    """Stages that are done and in sight."""
    partial: tuple[str, ...]
    """Stages of which a share is open."""
    stopped: tuple[str, ...]
    unseen: tuple[str, ...]
    """Stages that may well work, but that the command centre cannot see."""


def picture(plan: Plan, recovery: Recovery, incident: Incident) -> Picture:
    """The present state of everything that has a label."""
    groups: dict[str, list[str]] = {"working": [], "partial": [], "stopped": [], "unseen": []}
    for name, progress in recovery.stages.items():
        if not plan.stages[name].label:
            continue
        match progress.state:
            case "ramping" | "dwelling":
                groups["partial"].append(name)
            case "closed" | "relapsed":
                groups["stopped"].append(name)
            case "unknown":
                groups["unseen"].append(name)
            case _:
                groups["unseen" if progress.amiss > 1 else "working"].append(name)
    state: NoticeState = "disruption"
    if incident.since is None:
        state = "all-clear"
    elif any(p.ran for p in recovery.stages.values()) and not _all_shut(recovery):
        state = "progress"
    return Picture(state, **{group: tuple(names) for group, names in groups.items()})


def _all_shut(recovery: Recovery) -> bool:
    """Whether nothing of what was lost is on its way back."""
    states = [p.state for p in recovery.stages.values() if p.ran]
    return bool(states) and all(state in ("closed", "relapsed") for state in states)


class Board:
    """The notices of one incident after the other, with a promise: one at least each `every`.

    They are put up `margin` before they are due, so that a busy moment does not break the promise.
    """

    def __init__(self, plan: Plan, every: float, margin: float) -> None:
        self.notices: list[Notice] = []
        self._plan = plan
        self._every = every
        self._margin = min(margin, every / 2)
        self.promise = every - self._margin
        """How long after a notice the next one is put up, if nothing changes before."""
        self._shown: Picture | None = None

    def wait(self, now: float) -> float:
        """How long nobody needs to look, if nothing changes. After the all-clear: a full term."""
        last = self.notices[-1] if self.notices else None
        if last is None or last.next_due is None:
            return self._every
        return max(last.next_due - self._margin - now, 0.0)

    def update(self, shows: Picture, incident: Incident, now: float) -> Notice | None:
        """The notice that has to be published now, if any."""
        running = self._shown is not None and self._shown.state != "all-clear"
        if incident.since is None and not running:
            return None
        if running and shows == self._shown and self.wait(now) > 0:
            return None
        over = shows.state == "all-clear"
        due = None if over else now + self._every
        number = len(self.notices) + 1
        continued = incident.continued and not running
        texts = {
            language: _text(self._plan, shows, number, due, language, continued=continued)
            for language in ("id", "en")
        }
        notice = Notice(number, shows.state, now, due, texts)
        self.notices.append(notice)
        self._shown = shows
        return notice


def _text(
    plan: Plan,
    shows: Picture,
    number: int,
    due: float | None,
    language: Literal["id", "en"],
    *,
    continued: bool,
) -> str:
    say = _PHRASES[language]
    lines = [say[shows.state].format(number=number)]
    if continued:
        lines.append(say["continued"])
    for group, names in (
        ("working", shows.working),
        ("partial", shows.partial),
        ("stopped", shows.stopped),
        ("unseen", shows.unseen),
    ):
        if names:
            lines.append(say[group].format(names=_listed(plan, names, language)))
    if due is not None:
        lines += [say["do"], say["next"].format(time=_time(due, language))]
    return " ".join(lines)


def _listed(plan: Plan, names: Sequence[str], language: str) -> str:
    return ", ".join(plan.stages[name].label.get(language, name) for name in names)


def _time(moment: float, language: str) -> str:
    local = datetime.fromtimestamp(moment, UTC).astimezone(_WIB)
    month = _MONTHS[language].split()[local.month - 1]
    return f"{local.day} {month} {local.year}, {local:%H.%M} WIB"


_PHRASES = {
    "id": {
        "disruption": "Pengumuman {number}: layanan keimigrasian sedang mengalami gangguan.",
        "progress": "Pengumuman {number}: layanan keimigrasian sedang dipulihkan bertahap.",
        "all-clear": "Pengumuman {number}: seluruh layanan keimigrasian telah kembali normal.",
        "continued": "Pusat kendali sempat dimulai ulang; penanganan gangguan dilanjutkan.",
        "working": "Berfungsi: {names}.",
        "partial": "Berfungsi sebagian: {names}.",
        "stopped": "Belum berfungsi: {names}.",
        "unseen": "Belum dapat dipastikan: {names}.",
        "do": (
            "Pemeriksaan paspor dilayani secara manual di konter bila autogate tutup. "
            "Datanglah tiga jam sebelum keberangkatan dan bawa paspor, visa atau izin tinggal, "
            "serta kartu naik pesawat. Permohonan di kantor imigrasi tetap diterima dan "
            "diproses setelah sistem pulih; layanan selesai hari yang sama ditiadakan."
        ),
        "next": "Pengumuman berikutnya paling lambat {time}.",
    },
    "en": {
        "disruption": "Notice {number}: immigration services are disrupted.",
        "progress": "Notice {number}: immigration services are being restored step by step.",
        "all-clear": "Notice {number}: all immigration services are back to normal.",
        "continued": "The command centre was restarted; it continues to handle the disruption.",
        "working": "Working: {names}.",
        "partial": "Working in part: {names}.",
        "stopped": "Not working yet: {names}.",
        "unseen": "Not confirmed: {names}.",
        "do": (
            "Where autogates are closed, passports are checked by hand at the counters. "
            "Come three hours before departure and bring your passport, visa or stay permit, "
            "and boarding pass. Immigration offices accept applications and process them once "
            "the system is back; there is no same-day service."
        ),
        "next": "The next notice comes by {time} at the latest.",
    },
}
