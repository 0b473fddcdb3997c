"""A stack has a low CPU priority while it starts and stops, and the default one in between."""

from typing import Any, cast

import docker
import pytest
import requests
from docker.models.containers import Container

from harness.errors import StackError
from harness.stack.compose._priority import drop_priority, lower_priority


class Fake:
    """A fake container.

    `updates` are the shares that were set. `refusals` are the errors of the first updates, "" for
    an update that succeeds.
    """

    def __init__(self, own: int = 0, *refusals: str) -> None:
        self.attrs: dict[str, Any] = {"HostConfig": {"CpuShares": own}}
        self.updates: list[int] = []
        self._refusals = list(refusals)

    def update(self, *, cpu_shares: int) -> None:
        if self._refusals and (why := self._refusals.pop(0)):
            response = requests.Response()
            response.status_code = 500
            raise docker.errors.APIError("500", response=response, explanation=why)
        self.updates.append(cpu_shares)


def containers(*fakes: Fake) -> list[Container]:
    return cast("list[Container]", fakes)


def test_containers_have_low_shares_during_the_block_and_default_shares_after_it() -> None:
    one, other = Fake(), Fake()
    with lower_priority(containers(one, other)):
        assert (one.updates, other.updates) == ([128], [128])
    assert (one.updates, other.updates) == ([128, 1024], [128, 1024])


def test_shares_of_the_compose_file_are_not_changed() -> None:
    own = Fake(300)
    with lower_priority(containers(own)):
        pass
    assert own.updates == []


def test_a_container_whose_shares_cannot_be_set_is_not_restored() -> None:
    fake, other = Fake(0, "cgroup v1 is read-only"), Fake()
    with lower_priority(containers(fake, other)):
        pass
    assert (fake.updates, other.updates) == ([], [128, 1024])


def test_lowering_for_good_ignores_containers_that_no_longer_exist() -> None:
    new, started, gone, own = Fake(), Fake(1024), Fake(0, "no such container"), Fake(300)
    assert drop_priority(containers(new, started, gone, own)) == [new, started]
    assert (new.updates, started.updates) == ([128], [128])


def test_shares_that_cannot_be_restored_are_reported() -> None:
    fake = Fake(0, "", "no such container")
    wanted = "^the containers' CPU shares cannot be restored: the engine refused: no such"
    with pytest.raises(StackError, match=wanted), lower_priority(containers(fake)):
        pass


def test_an_error_in_the_block_is_raised_and_shares_stay_low() -> None:
    fake = Fake()
    with pytest.raises(StackError, match=r"^it did not start$"), lower_priority(containers(fake)):
        raise StackError("it did not start")
    assert fake.updates == [128]
