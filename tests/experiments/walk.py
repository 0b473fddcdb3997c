"""Walking a journey without any I/O: answers are scripted, time only adds up."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.load import Journey, Pause, Request, Response

Script = Iterable[Response] | Callable[[Request], Response]


@dataclass
class Walked:
    """What a journey did."""

    requests: list[Request] = field(default_factory=list)
    rested: float = 0.0

    @property
    def ops(self) -> list[str]:
        """What was asked, in order."""
        return [request.op for request in self.requests]


def walk(journey: Journey, script: Script) -> Walked:
    """Send `journey` the answers of `script`; one too few or too many is an error."""
    walked = Walked()
    answers = None if callable(script) else iter(script)
    step: Request | Pause
    try:
        step = next(journey)
        while True:
            if isinstance(step, Pause):
                walked.rested += step.seconds
                step = journey.send(Response(0, {}, "ok"))
                continue
            walked.requests.append(step)
            answer = script(step) if callable(script) else next(answers)  # type: ignore[arg-type]
            step = journey.send(answer)
    except StopIteration:
        pass
    assert answers is None or list(answers) == []
    return walked


def ok(status: int = 200, **said: Any) -> Response:
    """It happened."""
    return Response(status, said, "ok")


def fail(status: int = 0, **said: Any) -> Response:
    """It did not; status 0: refused."""
    return Response(status, said, "fail", "refused")


def unknown(status: int = 0) -> Response:
    """Nobody can tell."""
    return Response(status, {}, "unknown", "timed out")
