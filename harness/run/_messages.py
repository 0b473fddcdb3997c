"""Messages about a run: one line of text for each event that is worth reading."""

from functools import singledispatch

import msgspec

from harness.history import Called, Ended, Event, Fault, Mode, Node, Notice, Phase, Stage
from harness.text import one_line


class Message(msgspec.Struct, frozen=True):
    """One line about an event."""

    t: float
    """Wall-clock seconds since the start of the run."""
    text: str

    def __str__(self) -> str:
        return f"{self.t:8.2f} s  {self.text}"


class Messages:
    """Makes messages of a sequence of events and leaves out what repeats an earlier message.

    Left out are a stage's report that equals its previous one, and the planned exits of services
    after the end of the run.
    """

    def __init__(self) -> None:
        self._stages: dict[tuple[str, str], str] = {}
        self._ended = False

    def message(self, event: Event) -> Message | None:
        """Return the message about `event`, or None if there is nothing new to read."""
        text = describe(event)
        if isinstance(event, Stage):
            key = event.service, event.stage
            previous, self._stages[key] = self._stages.get(key), text
            if text == previous:
                return None
        if isinstance(event, Node) and event.planned and self._ended:
            return None
        self._ended |= isinstance(event, Ended)
        return Message(event.t, one_line(text)) if text else None


@singledispatch
def describe(event: Event) -> str:
    """Return `event` as one line of text, without its time; empty for requests, gauges and such."""
    del event
    return ""


@describe.register
def _(event: Phase) -> str:
    return {
        "load": "load begins",
        "quiescence": "load has ended; waiting until every service is quiescent",
        "reads": "taking the final reads",
        "interrupted": "interrupted; healing faults and stopping the stack",
    }.get(event.name, event.name)


@describe.register
def _(event: Mode) -> str:
    if event.t < 0 and event.mode == "automatic":  # each service logs its mode when it starts
        return ""
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
    detail = f" ({event.detail})" if event.state in ("unverified", "lost", "unhealed") else ""
    return f"fault {event.step}: {event.fault} on {where} {event.state}{detail}"


@describe.register
def _(event: Called) -> str:
    answer = f"status {event.status}" if event.status else "no response"
    return f"call {event.step}: {event.service} {event.request}: {answer}"


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
    return "every service is quiescent" if event.quiescent else f"ended: {event.reason}"
