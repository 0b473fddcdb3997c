"""`report.html`: one self-contained file for offline use, print, phones, light and dark mode."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from harness.checks import Verdict
from harness.history import encode

from ._evidence import Evidence
from ._series import largest, thinned
from ._svg import Frame, area_chart, lanes, line_chart

_MAX_NOTICES = 200
"""Notices drawn at most: more could not be distinguished, and each adds its text to the page."""

_COUNTS = ("requests", "waiting", "records")
"""Units that have no fractions."""

_OVERVIEW = {
    "fault": "fault",
    "closed": "stage closed",
    "relapsed": "closed again",
    "ramping": "opening",
    "done": "fully open",
    "notice": "notice",
}
"""Labels of the boxes in the first panel, by CSS class."""


def write_html(evidence: Evidence) -> str:
    """Return the whole page."""
    scenario = evidence.scenario
    css = files("harness.report").joinpath("report.css").read_text(encoding="utf-8")
    body = "\n".join([*_top(evidence), *_charts(evidence), *_verdicts(evidence), *_foot(evidence)])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(scenario.name)}: {escape(evidence.headline)}</title>"
        f"<style>{css}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def _top(evidence: Evidence) -> Iterator[str]:
    scenario, history = evidence.scenario, evidence.history
    yield f'<p class="kicker">Resilience experiment · {escape(scenario.name)}</p>'
    yield f"<h1>{escape(scenario.title)}</h1>"
    if scenario.story:
        yield f'<p class="soft">{escape(scenario.story)}</p>'
    length = evidence.times.both(history.end)
    yield (
        f'<div class="card verdict {evidence.result}"><div><strong>{escape(evidence.headline)}'
        f"</strong>{escape(length)}. Pace {scenario.pace:g}: one second of the run is "
        f"{escape(evidence.times.length(1.0))} of scenario time.</div></div>"
    )
    if evidence.problems:
        yield '<ul class="problems">'
        yield from (f"<li>{escape(problem)}</li>" for problem in evidence.problems)
        yield "</ul>"
    yield '<ul class="facts">'
    yield from (f"<li><b>{escape(v)}</b>{escape(what)}</li>" for v, what in evidence.facts)
    yield "</ul>"
    yield '<h2>What happened</h2><div class="card"><ol class="narrative">'
    for moment in evidence.narrative:
        yield (
            f'<li class="{moment.kind}"><time>{escape(evidence.times.moment(moment.t))}</time>'
            f"<span>{escape(moment.text)}</span></li>"
        )
    yield "</ol></div>"


def _charts(evidence: Evidence) -> Iterator[str]:
    series = evidence.series
    frame = Frame(series.end, evidence.times.ticks(series.end), series.faults)
    middles = series.middles
    yield "<h2>The run over time</h2>"
    yield (
        '<p class="note">Shaded: a fault was active. The axis shows scenario time and, below it, '
        'wall-clock seconds.<span class="phone"> Swipe a chart to see all of it.</span></p>'
    )
    rows = _overview(evidence)
    drawn = {kind for _, boxes in rows for _, _, kind, _ in boxes}
    keys = [(kind, name) for kind, name in _OVERVIEW.items() if kind in drawn]
    yield _panel("Faults, recovery stages and notices", lanes(frame, rows) + _legend(keys))
    if series.modes:
        rows = [
            (name, [(s.start, s.end, s.value, s.value) for s in spans])
            for name, spans in series.modes.items()
        ]
        modes = [(mode, mode) for mode in ("automatic", "mixed", "manual")]
        yield _panel("Mode of each service", lanes(frame, rows) + _legend(modes))
    if series.paths:
        chart = area_chart(frame, middles, largest(series.paths), "responses per second")
        yield _panel("Successful requests, by path", chart)
    for title, curves, unit in (
        ("Scheduled requests", series.arrivals, "per second"),
        ("Requests in flight", series.in_flight, "requests"),
        ("Waiting, as reported by the services", series.gauge("waiting"), "waiting"),
        ("Failed requests and requests with unknown outcome", series.outcomes, "per second"),
        ("Latency", series.latencies, "ms (wall clock)"),
        ("Backlog", series.gauge("backlog"), "records"),
    ):
        if any(value > 0 for curve in curves for value in curve.values):
            whole = unit in _COUNTS
            yield _panel(title, line_chart(frame, middles, largest(curves), unit, whole=whole))


def _overview(evidence: Evidence) -> list[tuple[str, list[tuple[float, float, str, str]]]]:
    series, times = evidence.series, evidence.times
    rows: dict[str, list[tuple[float, float, str, str]]] = {}
    for band in series.faults:
        label = f"{times.moment(band.start)} to {times.moment(band.end)}"
        rows.setdefault(band.label, []).append((band.start, band.end, "fault", label))
    for stage, spans in series.stages.items():
        rows[stage] = [(s.start, s.end, s.value.split()[0], s.value) for s in spans]
    if series.notices:
        rows["notices"] = [
            (n.t, n.t, "notice", f"{times.moment(n.t)}: {n.texts.get('en', '')}")
            for n in thinned(series.notices, _MAX_NOTICES)
        ]
    return list(rows.items())


def _legend(keys: Sequence[tuple[str, str]]) -> str:
    """Return the legend of the boxes, from pairs of CSS class and label."""
    shown = (f'<span class="key"><i class="{kind}"></i>{name}</span>' for kind, name in keys)
    return f'<p class="keys">{"".join(shown)}</p>'


def _panel(title: str, chart: str) -> str:
    title = escape(title)
    return f'<figure class="card" aria-label="{title}"><h3>{title}</h3>{chart}</figure>'


def _verdicts(evidence: Evidence) -> Iterator[str]:
    yield '<h2>Verdicts</h2><div class="card">'
    for verdict in evidence.verdicts:
        yield (
            f'<details><summary class="{verdict.result}"><b>{verdict.result}</b>'
            f"<code>{escape(verdict.name)}</code><span>{escape(verdict.reason)}</span></summary>"
            f"{_evidence_of(evidence, verdict)}</details>"
        )
    yield "</div>"


def _evidence_of(evidence: Evidence, verdict: Verdict) -> str:
    measured = "".join(
        f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{escape(_format_value(value))}</dd>"
        for name, value in verdict.measured.items()
    )
    events = "\n".join(
        escape(encode(event).decode()[:600]) for event in evidence.events(verdict.evidence)
    )
    lines = f"<dl>{measured}</dl>" if measured else ""
    return lines + (f"<pre>{events}</pre>" if events else '<p class="note">No single event.</p>')


def _format_value(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _foot(evidence: Evidence) -> Iterator[str]:
    stack, started = evidence.stack, evidence.history.started
    yield "<h2>How to run it again</h2>"
    command = stack.get("command") or f"harness run {started.scenario} --seed {started.seed}"
    yield f'<pre class="again">{escape(command)}</pre>'
    yield '<div class="card"><dl>'
    rows = {
        "seed": str(started.seed),
        "pace": f"{started.pace:g}",
        "scenario clock at start": started.origin,
        "backend": started.backend,
        "harness": str(stack.get("harness", "")),
        **{str(k): str(v) for k, v in dict(stack.get("versions", {})).items()},
    }
    yield from (f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows.items() if v)
    yield "</dl></div>"
    yield (
        '<p class="note">A time-out counts as unknown, never as a failure. A fault that could not '
        "be verified makes the run inconclusive. <code>harness judge</code> repeats these verdicts "
        "from the files in the folder of this report.</p>"
    )
