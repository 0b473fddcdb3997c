"""The run in sentences: what broke, what held, what came back when."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.history import Called, History, Mode, Node, Notice, Stage

from ._series import Series, begun, path_of, served
from ._times import Times


@dataclass(frozen=True)
class Moment:
    """One line of the story."""

    t: float
    kind: str
    """`broke`, `held`, `back` or `said`: how it is coloured."""
    text: str


def tell_story(history: History, series: Series, times: Times) -> list[Moment]:
    """The moments of the run, by time."""
    found = [
        *_faults(history, times),
        *_modes(history, series, times),
        *_stages(history),
        *_service(history),
        *_operators(history),
        *_notices(history),
    ]
    return sorted(found, key=lambda moment: moment.t)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _faults(history: History, times: Times) -> Iterator[Moment]:
    for span in history.faults:
        first = span.first
        where = (
            _listed(first.targets)
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
            length = times.both(span.end - begun(span))
            yield Moment(span.end, "back", f"{first.step} is taken back, after {length}.")
        elif span.at("unhealed") is not None:
            yield Moment(history.end, "broke", f"{first.step} could NOT be taken back.")


def _modes(history: History, series: Series, times: Times) -> Iterator[Moment]:
    """When services fell back and when each was itself again; changes close by are one moment."""
    near = series.end / 40
    for mode, kind, text in (
        ("manual", "held", "fell back to manual"),
        ("automatic", "back", "automatic again"),
    ):
        group: list[Mode] = []
        for event in [e for e in history.of(Mode) if e.mode == mode] + [None]:
            if group and (event is None or event.t - group[0].t > near):
                names = list(dict.fromkeys(e.service for e in group))
                last = group[-1].t
                spread = f", within {times.length(last - group[0].t)}" if len(names) > 1 else ""
                yield Moment(last, kind, f"{_listed(names)} {text}{spread}.")
                group = []
            if event is not None:
                group.append(event)


def _stages(history: History) -> Iterator[Moment]:
    for event in history.of(Stage):
        if event.state == "done":
            yield Moment(event.t, "back", f"Stage {event.stage} is fully open.")
        elif event.state == "relapsed":
            yield Moment(event.t, "broke", f"Stage {event.stage} is closed again: {event.reason}.")


def _service(history: History) -> Iterator[Moment]:
    """How people were served while the faults lasted."""
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
        shown = _listed([f"{count} by {path}" for path, count in ways.most_common(5)])
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
