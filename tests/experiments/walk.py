"""Drives a journey without I/O: answers are scripted, and pauses are only summed up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.load import Journey, Pause, Request, Response

Script = Iterable[Response] | Callable[[Request], Response]


@dataclass
class Walked:
    """The requests of a journey, and its pauses in scenario seconds."""

    requests: list[Request] = field(default_factory=list)
    paused: float = 0.0

    @property
    def ops(self) -> list[str]:
        """The operations of the requests, in order."""
        return [request.op for request in self.requests]


def walk(journey: Journey, script: Script) -> Walked:
    """Drive `journey` with the answers of `script`; it must need exactly as many as there are."""
    walked = Walked()
    answers = None if callable(script) else iter(script)
    step: Request | Pause
    try:
        step = next(journey)
        while True:
            if isinstance(step, Pause):
                walked.paused += step.seconds
                step = journey.send(Response(0, {}, "ok"))
                continue
            walked.requests.append(step)
            answer = script(step) if callable(script) else next(answers)  # type: ignore[arg-type]
            step = journey.send(answer)
    except StopIteration:
        pass
    assert answers is None or list(answers) == []
    return walked


def ok(status: int = 200, **content: Any) -> Response:
    """Return the answer of a request that succeeded."""
    return Response(status, content, "ok")


def fail(status: int = 0, **content: Any) -> Response:
    """Return the answer of a request that had no effect; status 0 is a refused connection."""
    return Response(status, content, "fail", "refused")


def unknown(status: int = 0) -> Response:
    """Return the answer of a request that may have had its effect."""
    return Response(status, {}, "unknown", "timed out")
