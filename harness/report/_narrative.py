"""The narrative of a run: its important moments as sentences, in order of time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from harness.checks import list_text
from harness.history import Called, Event, History, Mode, Node, Notice, Stage

from ._series import Series, injected_at, path_of, served
from ._times import Times

E = TypeVar("E", bound=Event)

Kind = Literal["impact", "fallback", "recovery", "info"]
"""Selects the colour of a moment (a CSS class)."""

_MAX_REPEATS = 3
"""Moments on one topic that are all shown; of more, only the first and the last."""
_MAX_MOMENTS = 60
_MAX_NAMES = 8
"""Names listed in one moment; of more, the number of the others is given."""
_GROUPS = 40
"""Events closer than this part of the run are reported as one moment."""


@dataclass(frozen=True)
class Moment:
    """One sentence of the narrative."""

    t: float
    """Wall-clock seconds since the start of the run."""
    kind: Kind
    text: str
    topic: str = ""
    """What it has in common with its repetitions; by default its text."""


def narrate(history: History, series: Series, times: Times) -> list[Moment]:
    """Return the moments of the run in order of time, shortened to what can be read."""
    found = [
        *_faults(history, times),
        *_modes(history, series, times),
        *_stages(history, series, times),
        *_requests(history),
        *_operators(history),
        *_notices(history),
    ]
    return _shorten(_fold_repeats(sorted(found, key=lambda moment: moment.t)))


def _fold_repeats(moments: Sequence[Moment]) -> list[Moment]:
    """Return `moments`; of a topic with too many, only the first and the last."""
    topics: dict[str, list[int]] = {}
    for place, moment in enumerate(moments):
        topics.setdefault(moment.topic or moment.text, []).append(place)
    kept: dict[int, Moment] = {}
    for places in topics.values():
        if len(places) > _MAX_REPEATS:
            last = moments[places[-1]]
            counted = replace(last, text=f"{last.text} (The last of {len(places)} times.)")
            kept |= {places[0]: moments[places[0]], places[-1]: counted}
        else:
            kept |= {place: moments[place] for place in places}
    return [kept[place] for place in sorted(kept)]


def _shorten(moments: list[Moment]) -> list[Moment]:
    """Return `moments`; if there are too many, only those at the beginning and at the end."""
    more = len(moments) - _MAX_MOMENTS + 1
    if more <= 1:
        return moments
    begin = _MAX_MOMENTS // 2
    text = f"... and {more} more moments, see history.jsonl."
    gap = Moment(moments[begin].t, "info", text)
    return [*moments[:begin], gap, *moments[begin + more :]]


def _list_names(names: Sequence[str], most: int = _MAX_NAMES) -> str:
    """Return `a, b and c`; of more than `most` names, how many more there are."""
    if 1 < len(names) <= most:
        return f"{list_text(names[:-1], most)} and {names[-1]}"
    return list_text(names, most)


def _faults(history: History, times: Times) -> Iterator[Moment]:
    for span in history.faults:
        first = span.first
        where = (
            _list_names(first.targets)
            if len(first.targets) <= 3
            else f"{len(first.targets)} links and nodes"
        )
        effect = (
            "verified"
            if span.at("verified") is not None
            else "NOT verified"
            if span.at("unverified") is not None
            else "never injected"
        )
        start = injected_at(span)
        yield Moment(start, "impact", f"{first.step}: {first.fault} on {where}, {effect}.")
        lost = span.at("lost")
        if lost is not None:
            yield Moment(lost, "impact", f"{first.step} was lost before its healing.")
        if span.end is not None:
            healed = f"{first.step} is healed"
            length = times.both(span.end - start)
            yield Moment(span.end, "recovery", f"{healed}, after {length}.", healed)
        elif span.at("unhealed") is not None:
            yield Moment(history.end, "impact", f"{first.step} could NOT be healed.")


def _modes(history: History, series: Series, times: Times) -> Iterator[Moment]:
    """Yield when services fell back and when they recovered; changes close by are one moment."""
    changes = list(_mode_changes(history, series))
    kinds: tuple[tuple[str, Kind, str], ...] = (
        ("manual", "fallback", "fell back to manual"),
        ("automatic", "recovery", "automatic again"),
    )
    for mode, kind, change in kinds:
        for group in _group([event for event in changes if event.mode == mode], series):
            names = list(dict.fromkeys(event.service for event in group))
            text = f"{_list_names(names)} {change}"
            yield Moment(group[-1].t, kind, f"{text}{_within(group, names, times)}.", text)


def _mode_changes(history: History, series: Series) -> Iterator[Mode]:
    """Yield the reports that began a span; a process that starts as automatic changed nothing."""
    begins = {span.index for spans in series.modes.values() for span in spans}
    return (event for event in history.of(Mode) if event.index in begins)


def _stages(history: History, series: Series, times: Times) -> Iterator[Moment]:
    """Yield when stages were fully open, those close by as one moment, and each relapse."""
    for group in _group([e for e in history.of(Stage) if e.state == "done"], series):
        names = list(dict.fromkeys(event.stage for event in group))
        text = f"Stage {names[0]} is" if len(names) == 1 else f"Stages {_list_names(names)} are"
        text += " fully open"
        yield Moment(group[-1].t, "recovery", f"{text}{_within(group, names, times)}.", text)
    for event in history.of(Stage):
        if event.state == "relapsed":
            closed = f"Stage {event.stage} is closed again"
            yield Moment(event.t, "impact", f"{closed}: {event.reason}.", closed)


def _group(events: Sequence[E], series: Series) -> Iterator[list[E]]:
    """Yield `events` in groups, none longer than a part of the run (`_GROUPS`)."""
    group: list[E] = []
    for event in events:
        if group and event.t - group[0].t > series.end / _GROUPS:
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _within(group: Sequence[Event], names: Sequence[str], times: Times) -> str:
    """Return how long it took until the last of several names, as the end of a sentence."""
    length = group[-1].t - group[0].t
    return f", within {times.length(length)}" if len(names) > 1 and length else ""


def _requests(history: History) -> Iterator[Moment]:
    """Yield by which paths requests were served from the first fault to the end of the last."""
    spans = [(span.start, span.end or history.end) for span in history.faults]
    if not spans:
        return
    start, end = min(s for s, _ in spans), max(e for _, e in spans)
    paths: Counter[str] = Counter()
    for request in served(history):
        done = request.completion
        if done is not None and start <= done.t <= end:
            paths[path_of(request)] += 1
    if paths:
        shown = _list_names([f"{count} by {path}" for path, count in paths.most_common()], 5)
        text = f"During the faults, {paths.total()} requests succeeded: {shown}."
        yield Moment(end, "fallback", text)


def _operators(history: History) -> Iterator[Moment]:
    """Yield the calls of operators, and the services that exited unexpectedly."""
    for event in history.of(Called):
        answer = f"answered {event.status}" if event.status else "did not answer"
        yield Moment(event.t, "info", f"{event.step} ({event.service} {answer}).")
    for node in history.of(Node):
        if not node.planned and node.state == "exited":
            text = f"{node.service} exited unexpectedly: {node.detail}."
            yield Moment(node.t, "impact", text)


def _notices(history: History) -> Iterator[Moment]:
    """Yield the first and the last notice."""
    notices = list(history.of(Notice))
    if not notices:
        return
    first, last = notices[0], notices[-1]
    yield Moment(first.t, "info", f"First notice: {_text(first)}")
    if last is not first:
        yield Moment(last.t, "info", f"The last of {len(notices)} notices: {_text(last)}")


def _text(notice: Notice) -> str:
    """Return the text in English, or in another language if there is none."""
    return notice.texts.get("en") or next(iter(notice.texts.values()), "")
