"""Notices to the public: when one is due, and its text, in Indonesian and English."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, TypeAlias, get_args

from ._incident import Incident
from ._plan import Plan
from ._progress import Progress, Recovery

NoticeState: TypeAlias = Literal["disruption", "progress", "all-clear"]
Language: TypeAlias = Literal["id", "en"]

_WIB = timezone(timedelta(hours=7), "WIB")
_MONTHS = {
    "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
    "en": "January February March April May June July August September October November December",
}


@dataclass(frozen=True)
class Notice:
    """One published notice. Times are in scenario seconds since 1970."""

    number: int
    state: NoticeState
    issued_at: float
    next_due: float | None
    """The latest time of the next notice; None after the all-clear."""
    texts: dict[Language, str]
    """The text in each language."""


@dataclass(frozen=True)
class StatusSummary:
    """The labelled stages by what the public can expect; a change of it is published at once."""

    state: NoticeState
    working: tuple[str, ...]
    """Stages that are done, and whose target is reachable."""
    partial: tuple[str, ...]
    """Stages of which a share is open."""
    stopped: tuple[str, ...]
    """Stages that are closed."""
    unconfirmed: tuple[str, ...]
    """Stages that may work, but whose target the command centre cannot reach."""


def summarize(plan: Plan, recovery: Recovery, incident: Incident) -> StatusSummary:
    """Return the current status of every stage that has a label."""
    groups: dict[str, list[str]] = {"working": [], "partial": [], "stopped": [], "unconfirmed": []}
    for name, progress in recovery.stages.items():
        if plan.stages[name].label:
            groups[_group(progress)].append(name)
    state: NoticeState = "disruption"
    if incident.since is None:
        state = "all-clear"
    elif any(p.reopened for p in recovery.stages.values()) and not _all_closed(recovery):
        state = "progress"
    return StatusSummary(state, **{group: tuple(names) for group, names in groups.items()})


def _group(progress: Progress) -> str:
    if progress.is_opening:
        return "partial"
    if progress.is_closed:
        return "stopped"
    if progress.state == "unknown" or progress.failing_rounds > 1:
        return "unconfirmed"
    return "working"


def _all_closed(recovery: Recovery) -> bool:
    """Return True if every stage that had begun to reopen is closed again."""
    reopened = [progress for progress in recovery.stages.values() if progress.reopened]
    return bool(reopened) and all(progress.is_closed for progress in reopened)


class NoticeBoard:
    """The published notices of all incidents; during one, at least one notice each `every`.

    A notice is published `margin` before it is due, so that a delay does not break the promise.
    """

    def __init__(self, plan: Plan, every: float, margin: float) -> None:
        """Start an empty board; `every` and `margin` are in scenario seconds."""
        self.notices: list[Notice] = []
        self._plan = plan
        self._every = every
        self._margin = min(margin, every / 2)
        self.interval = every - self._margin
        """Time from one notice to the next if nothing changes, in scenario seconds."""
        self._published: StatusSummary | None = None

    def wait(self, now: float) -> float:
        """Return the time until the next notice if nothing changes, in scenario seconds.

        Without an incident, return the full promised interval.
        """
        last = self.notices[-1] if self.notices else None
        if last is None or last.next_due is None:
            return self._every
        return max(last.next_due - self._margin - now, 0.0)

    def update(self, summary: StatusSummary, incident: Incident, now: float) -> Notice | None:
        """Publish a notice if one is due at `now`, or the summary has changed; return it."""
        is_announced = self._published is not None and self._published.state != "all-clear"
        if incident.since is None and not is_announced:
            return None
        if is_announced and summary == self._published and self.wait(now) > 0:
            return None
        due = None if summary.state == "all-clear" else now + self._every
        number = len(self.notices) + 1
        continued = incident.continued and not is_announced
        texts = {
            language: _text(self._plan, summary, number, due, language, continued=continued)
            for language in get_args(Language)
        }
        notice = Notice(number, summary.state, now, due, texts)
        self.notices.append(notice)
        self._published = summary
        return notice


def _text(
    plan: Plan,
    summary: StatusSummary,
    number: int,
    due: float | None,
    language: Language,
    *,
    continued: bool,
) -> str:
    phrases = _PHRASES[language]
    sentences = [phrases[summary.state].format(number=number)]
    if continued:
        sentences.append(phrases["continued"])
    for group, names in (
        ("working", summary.working),
        ("partial", summary.partial),
        ("stopped", summary.stopped),
        ("unconfirmed", summary.unconfirmed),
    ):
        if names:
            sentences.append(phrases[group].format(names=_labels(plan, names, language)))
    if due is not None:
        sentences += [phrases["advice"], phrases["next"].format(time=_date(due, language))]
    return " ".join(sentences)


def _labels(plan: Plan, names: Sequence[str], language: Language) -> str:
    return ", ".join(plan.stages[name].label.get(language, name) for name in names)


def _date(moment: float, language: Language) -> str:
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
        "unconfirmed": "Belum dapat dipastikan: {names}.",
        "advice": (
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
        "unconfirmed": "Not confirmed: {names}.",
        "advice": (
            "Where autogates are closed, passports are checked by hand at the counters. "
            "Come three hours before departure and bring your passport, visa or stay permit, "
            "and boarding pass. Immigration offices accept applications and process them once "
            "the system is back; there is no same-day service."
        ),
        "next": "The next notice comes by {time} at the latest.",
    },
}
