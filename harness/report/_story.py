"""The run in sentences: what broke, what held, what came back when."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.checks import list_text
from harness.history import Called, Event, History, Mode, Node, Notice, Stage

from ._series import Series, begun, path_of, served
from ._times import Times

E = TypeVar("E", bound=Event)

_REPEATS = 3
"""As often the same is told in full."""
_LINES = 60
"""Moments that are told at most."""
_NAMES = 8
"""Names in one moment."""


@dataclass(frozen=True)
class Moment:
    """One line of the story."""

    t: float
    kind: str
    """`broke`, `held`, `back` or `said`: how it is coloured."""
    text: str
    topic: str = ""
    """What it has in common with its repeats; its text unless given."""


def tell_story(history: History, series: Series, times: Times) -> list[Moment]:
    """The moments of the run, by time."""
    found = [
        *_faults(history, times),
        *_modes(history, series, times),
        *_stages(history, series, times),
        *_service(history),
        *_operators(history),
        *_notices(history),
    ]
    return _shortened(_folded(sorted(found, key=lambda moment: moment.t)))


def _folded(moments: Sequence[Moment]) -> list[Moment]:
    """`moments` with the first and the last of those that came again and again."""
    topics: dict[str, list[int]] = {}
    for place, moment in enumerate(moments):
        topics.setdefault(moment.topic or moment.text, []).append(place)
    kept: dict[int, Moment] = {}
    for places in topics.values():
        if len(places) > _REPEATS:
            last = moments[places[-1]]
            told = replace(last, text=f"{last.text} (The last of {len(places)} times.)")
            kept |= {places[0]: moments[places[0]], places[-1]: told}
        else:
            kept |= {place: moments[place] for place in places}
    return [kept[place] for place in sorted(kept)]


def _shortened(moments: list[Moment]) -> list[Moment]:
    """`moments`, or their begin and their end, if they are more than anybody reads."""
    more = len(moments) - _LINES + 1
    if more <= 1:
        return moments
    begin = _LINES // 2
    text = f"... and {more} more moments, see history.jsonl."
    gap = Moment(moments[begin].t, "said", text)
    return [*moments[:begin], gap, *moments[begin + more :]]


def _named(names: Sequence[str], most: int = _NAMES) -> str:
    """`a, b and c`, as a sentence has it; of more than `most`, how many more."""
    if 1 < len(names) <= most:
        return f"{list_text(names[:-1], most)} and {names[-1]}"
    return list_text(names, most)


def _faults(history: History, times: Times) -> Iterator[Moment]:
    for span in history.faults:
        first = span.first
        where = (
            _named(first.targets)
            if len(first.targets) <= 3
            else f"{len(first.targets)} links and nodes"
        )
        seen = (
            "seen to bite"
            if span.at("verified") is not None
            else "NOT seen to bite"
            if span.at("unverified") is not None
            else "never injected"
        )
        yield Moment(begun(span), "broke", f"{first.step}: {first.fault} on {where}, {seen}.")
        if span.end is not None:
            back, length = f"{first.step} is taken back", times.both(span.end - begun(span))
            yield Moment(span.end, "back", f"{back}, after {length}.", back)
        elif span.at("unhealed") is not None:
            yield Moment(history.end, "broke", f"{first.step} could NOT be taken back.")


def _modes(history: History, series: Series, times: Times) -> Iterator[Moment]:
    """When services fell back and when each was itself again; changes close by are one moment."""
    for mode, kind, text in (
        ("manual", "held", "fell back to manual"),
        ("automatic", "back", "automatic again"),
    ):
        for group in _close_by([e for e in _changes(history, series) if e.mode == mode], series):
            names = list(dict.fromkeys(event.service for event in group))
            told = f"{_named(names)} {text}"
            yield Moment(group[-1].t, kind, f"{told}{_spread(group, names, times)}.", told)


def _changes(history: History, series: Series) -> Iterator[Mode]:
    """What was said where a band begins; a process that begins as automatic has not changed."""
    begins = {span.index for spans in series.modes.values() for span in spans}
    return (event for event in history.of(Mode) if event.index in begins)


def _stages(history: History, series: Series, times: Times) -> Iterator[Moment]:
    """When stages were fully open, those close by as one moment, and when one had to close."""
    for group in _close_by([e for e in history.of(Stage) if e.state == "done"], series):
        names = list(dict.fromkeys(event.stage for event in group))
        told = f"Stage {names[0]} is" if len(names) == 1 else f"Stages {_named(names)} are"
        told += " fully open"
        yield Moment(group[-1].t, "back", f"{told}{_spread(group, names, times)}.", told)
    for event in history.of(Stage):
        if event.state == "relapsed":
            closed = f"Stage {event.stage} is closed again"
            yield Moment(event.t, "broke", f"{closed}: {event.reason}.", closed)


def _close_by(events: Sequence[E], series: Series) -> Iterator[list[E]]:
    """`events` in groups of which none is longer than a fortieth of the run."""
    group: list[E] = []
    for event in events:
        if group and event.t - group[0].t > series.end / 40:
            yield group
            group = []
        group.append(event)
    if group:
        yield group


def _spread(group: Sequence[Event], names: Sequence[str], times: Times) -> str:
    """How long it took several names to get there, if they did not get there together."""
    length = group[-1].t - group[0].t
    return f", within {times.length(length)}" if len(names) > 1 and length else ""


def _service(history: History) -> Iterator[Moment]:
    """How requests were served while the faults lasted."""
    spans = [(span.start, span.end or history.end) for span in history.faults]
    if not spans:
        return
    start, end = min(s for s, _ in spans), max(e for _, e in spans)
    ways: Counter[str] = Counter()
    for request in served(history):
        done = request.completion
        if done is not None and start <= done.t <= end:
            ways[path_of(request)] += 1
    if ways:
        shown = _named([f"{count} by {path}" for path, count in ways.most_common()], 5)
        yield Moment(end, "held", f"While it lasted, {ways.total()} were served: {shown}.")


def _operators(history: History) -> Iterator[Moment]:
    for event in history.of(Called):
        yield Moment(event.t, "said", f"{event.step} ({event.service} answered {event.status}).")
    for node in history.of(Node):
        if not node.planned and node.state == "exited":
            yield Moment(node.t, "broke", f"{node.service} died unasked: {node.detail}.")


def _notices(history: History) -> Iterator[Moment]:
    notices = list(history.of(Notice))
    if not notices:
        return
    first, last = notices[0], notices[-1]
    text = first.texts.get("en") or next(iter(first.texts.values()), "")
    yield Moment(first.t, "said", f"The public is told: {text}")
    if last is not first:
        text = last.texts.get("en") or next(iter(last.texts.values()), "")
        yield Moment(last.t, "said", f"The last of {len(notices)} notices: {text}")
