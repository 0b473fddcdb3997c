"""A stack that starts claims little of the machine, and as much as any other once it is there."""

from typing import Any, cast

import docker
import pytest
import requests
from docker.models.containers import Container

from harness.errors import StackError
from harness.stack.compose._priority import drop_priority, lower_priority


class Fake:
    """A container; `told` are the shares that it was given, `refusals` the answers before that."""

    def __init__(self, own: int = 0, *refusals: str) -> None:
        self.attrs: dict[str, Any] = {"HostConfig": {"CpuShares": own}}
        self.told: list[int] = []
        self._refusals = list(refusals)

    def update(self, *, cpu_shares: int) -> None:
        if self._refusals and (why := self._refusals.pop(0)):
            response = requests.Response()
            response.status_code = 500
            raise docker.errors.APIError("500", response=response, explanation=why)
        self.told.append(cpu_shares)


def containers(*fakes: Fake) -> list[Container]:
    return cast("list[Container]", fakes)


def test_what_starts_is_modest_and_what_runs_is_not() -> None:
    one, other = Fake(), Fake()
    with lower_priority(containers(one, other)):
        assert (one.told, other.told) == ([128], [128])
    assert (one.told, other.told) == ([128, 1024], [128, 1024])


def test_shares_of_the_compose_file_stay() -> None:
    own = Fake(300)
    with lower_priority(containers(own)):
        pass
    assert own.told == []


def test_an_engine_without_shares_is_asked_once() -> None:
    fake, other = Fake(0, "cgroup v1 is read-only"), Fake()
    with lower_priority(containers(fake, other)):
        pass
    assert (fake.told, other.told) == ([], [128, 1024])


def test_what_ends_steps_back_as_far_as_it_is_still_there() -> None:
    new, started, gone, own = Fake(), Fake(1024), Fake(0, "no such container"), Fake(300)
    assert drop_priority(containers(new, started, gone, own)) == [new, started]
    assert (new.told, started.told) == ([128], [128])


def test_shares_that_are_not_given_back_are_told() -> None:
    fake = Fake(0, "", "no such container")
    wanted = "^the containers' CPU shares cannot be given back: the engine refused: no such"
    with pytest.raises(StackError, match=wanted), lower_priority(containers(fake)):
        pass


def test_what_ended_the_start_is_not_hidden() -> None:
    fake = Fake()
    with pytest.raises(StackError, match=r"^it did not start$"), lower_priority(containers(fake)):
        raise StackError("it did not start")
    assert fake.told == [128]
