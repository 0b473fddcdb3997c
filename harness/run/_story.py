"""An event as one line for the terminal, or nothing where a person would not want to read it."""

from functools import singledispatch

from harness.history import Called, Ended, Event, Fault, Mode, Node, Notice, Phase, Stage


@singledispatch
def describe(event: Event) -> str:
    """What happened, without the time; empty for requests, gauges and the like."""
    del event
    return ""


@describe.register
def _(event: Phase) -> str:
    return {
        "load": "people begin to arrive",
        "settle": "no more arrivals; waiting until nothing is left to do",
        "reads": "taking the final reads",
        "interrupted": "interrupted; healing and stopping everything",
    }.get(event.name, event.name)


@describe.register
def _(event: Mode) -> str:
    return f"{event.service} is {event.mode}" + (f": {event.reason}" if event.reason else "")


@describe.register
def _(event: Stage) -> str:
    return f"stage {event.stage} {event.state} at {event.share:.0%}"


@describe.register
def _(event: Fault) -> str:
    if event.state in ("injected", "healing"):
        return ""
    few = len(event.targets) <= 3
    where = ", ".join(event.targets) if few else f"{len(event.targets)} targets"
    detail = f" ({event.detail})" if event.state in ("unverified", "unhealed") else ""
    return f"fault {event.step}: {event.fault} on {where} {event.state}{detail}"


@describe.register
def _(event: Called) -> str:
    return f"operator {event.step}: {event.request} answered {event.status or 'not at all'}"


@describe.register
def _(event: Notice) -> str:
    return f"notice {event.number} ({event.state}) from {event.service}"


@describe.register
def _(event: Node) -> str:
    if event.state in ("started", "ready") and event.t < 0:
        return ""
    planned = "" if event.planned else " UNPLANNED"
    return f"{event.service} {event.state}{planned} {event.detail}".rstrip()


@describe.register
def _(event: Ended) -> str:
    return "quiescent" if event.quiescent else f"ended: {event.reason}"
