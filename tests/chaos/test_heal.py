"""Healing with nothing but an intent file."""

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.chaos import heal
from harness.chaos._intents import Intent, Intents, outstanding
from harness.chaos._processes import Process, identify
from harness.chaos._toxic import Toxic
from harness.errors import UnhealedError
from harness.stack._proxies import redirect_proxy

from .fake_stack import FakeStack
from .hung_server import hung_server

LATENCY = Toxic("latency", "downstream", {"latency": 1, "jitter": 0})


def write_intents(directory: Path, *intents: Intent) -> None:
    """Write the intent file of an earlier run."""
    file = Intents(directory)
    file.begin(intents)
    file.close()


def link_intent(
    stack: FakeStack, link: str, toxic: str = "", *, where: str = "", listen: str = ""
) -> Intent:
    """Return the intent to add `toxic` to `link`, or else to disable its proxy."""
    state = stack.toxics.proxies()[link]
    return Intent(
        f"{link}{toxic}",
        "f",
        "toxic" if toxic else "disable",
        where=where or stack.toxiproxy(),
        name=link,
        toxic=toxic,
        listen=listen or state.listen,
        upstream=state.upstream,
    )


def test_nothing_is_done_without_intents(tmp_path: Path) -> None:
    assert heal(tmp_path) == []
    assert heal(tmp_path / "nowhere") == []


def test_toxics_and_disabled_proxies_are_reverted_once(stack: FakeStack, tmp_path: Path) -> None:
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-1")
    stack.toxics.disable("desk-gate")
    write_intents(
        tmp_path, link_intent(stack, "gate-visa", "harness-1"), link_intent(stack, "desk-gate")
    )
    assert sorted(heal(tmp_path)) == [
        "desk-gate: enabled it again",
        "gate-visa: removed harness-1",
    ]
    assert heal(tmp_path) == []
    assert outstanding(tmp_path) == []


def test_a_crash_between_disabling_and_enabling_is_healed(stack: FakeStack, tmp_path: Path) -> None:
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-1")
    stack.toxics.disable("gate-visa")
    write_intents(
        tmp_path, link_intent(stack, "gate-visa", "harness-1"), link_intent(stack, "gate-visa")
    )
    heal(tmp_path)
    assert stack.toxics.proxies()["gate-visa"].enabled
    assert stack.toxics.toxics("gate-visa") == ()


def test_an_intent_whose_change_was_not_made_needs_no_healing(
    stack: FakeStack, tmp_path: Path
) -> None:
    write_intents(
        tmp_path, link_intent(stack, "gate-visa", "harness-1"), link_intent(stack, "desk-gate")
    )
    assert sorted(heal(tmp_path)) == [
        "desk-gate: nothing was left of its fault",
        "gate-visa: nothing was left of its fault",
    ]


def test_only_changes_that_the_intents_name_are_reverted(stack: FakeStack, tmp_path: Path) -> None:
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-1")
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-of-another-run")
    stack.toxics.disable("desk-gate")
    write_intents(tmp_path, link_intent(stack, "gate-visa", "harness-1"))
    heal(tmp_path)
    assert stack.toxics.toxics("gate-visa") == ("harness-of-another-run",)
    assert not stack.toxics.proxies()["desk-gate"].enabled


def test_another_runs_proxy_of_the_same_name_is_not_touched(
    stack: FakeStack, tmp_path: Path
) -> None:
    stack.toxics.disable("gate-visa")
    write_intents(tmp_path, link_intent(stack, "gate-visa", listen="127.0.0.1:1"))
    assert heal(tmp_path) == ["gate-visa: its proxy is gone, and the fault with it"]
    assert not stack.toxics.proxies()["gate-visa"].enabled


def test_a_redirected_link_is_healed_and_stays_redirected(stack: FakeStack, tmp_path: Path) -> None:
    """On the compose backend, links of a service that is kept down are redirected to refuse."""
    stack.toxics.add_toxic("gate-visa", LATENCY, "harness-1")
    stack.toxics.disable("desk-gate")
    write_intents(
        tmp_path, link_intent(stack, "gate-visa", "harness-1"), link_intent(stack, "desk-gate")
    )
    for link in ("gate-visa", "desk-gate"):
        redirect_proxy(stack.toxiproxy(), link, "127.0.0.1:1")

    assert sorted(heal(tmp_path)) == [
        "desk-gate: enabled it again",
        "gate-visa: removed harness-1",
    ]

    assert stack.toxics.toxics("gate-visa") == ()
    states = stack.toxics.proxies()
    for link in ("gate-visa", "desk-gate"):
        assert states[link].enabled
        assert states[link].upstream == "127.0.0.1:1"


def test_a_proxy_that_was_being_recreated_is_created_with_its_last_upstream(
    stack: FakeStack, tmp_path: Path
) -> None:
    toxic, recreation = (
        link_intent(stack, "gate-visa", "harness-1"),
        link_intent(stack, "gate-visa"),
    )
    recreation = replace(recreation, change="recreate", upstream="127.0.0.1:1")
    stack.toxics.destroy("gate-visa")
    write_intents(tmp_path, toxic, recreation)

    assert heal(tmp_path) == ["gate-visa: created its proxy again"]

    state = stack.toxics.proxies()["gate-visa"]
    assert (state.listen, state.upstream) == (recreation.listen, "127.0.0.1:1")


def test_a_toxiproxy_that_has_ended_needs_no_healing(stack: FakeStack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ended:
        address = f"127.0.0.1:{ended.getsockname()[1]}"
    write_intents(tmp_path, link_intent(stack, "gate-visa", where=address))
    assert heal(tmp_path) == [f"toxiproxy {address} has ended, and its toxics with it"]
    assert heal(tmp_path) == []


def test_a_toxiproxy_that_hangs_is_reported_with_the_cure(
    stack: FakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.chaos._heal._TIMEOUT", 0.2)
    stack.toxics.disable("desk-gate")
    with socket.create_server(("127.0.0.1", 0)) as hung:
        address = f"127.0.0.1:{hung.getsockname()[1]}"
        write_intents(
            tmp_path,
            link_intent(stack, "gate-visa", where=address),
            link_intent(stack, "desk-gate"),
        )
        with pytest.raises(UnhealedError) as caught:
            heal(tmp_path)
    problem, healed = str(caught.value).splitlines()
    assert "restart the Toxiproxy; faults may be left on gate-visa" in problem
    assert healed == "(healed: desk-gate: enabled it again)"
    assert [intent.name for intent in outstanding(tmp_path)] == ["gate-visa"]


@pytest.mark.parametrize("answers", [0, 1])
def test_a_toxiproxy_that_hangs_gets_no_request_after_the_first_time_out(
    stack: FakeStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    """With `answers`, it lists its proxies and hangs then."""
    monkeypatch.setattr("harness.chaos._heal._TIMEOUT", 0.2)
    states = stack.toxics.proxies()
    fields = {name: {**vars(state), "toxics": []} for name, state in states.items()}
    links = ("gate-visa", "desk-gate", "gate-border")
    with hung_server(*[json.dumps(fields)] * answers) as hung:
        write_intents(tmp_path, *(link_intent(stack, one, where=hung.address) for one in links))
        with pytest.raises(UnhealedError) as caught:
            heal(tmp_path)
    (problem,) = str(caught.value).splitlines()
    assert "no answer within 0.2 s" in problem
    assert all(link in problem.partition("faults may be left on ")[2] for link in links)
    assert len(hung.requests) == answers + 1
    assert len(outstanding(tmp_path)) == len(links)


def test_a_paused_process_is_resumed_but_not_another_one_with_its_pid(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.send_signal(19)
        paused = identify(child.pid)
        other = Process(child.pid, paused.start - 1)
        write_intents(tmp_path, Intent("1", "f", "pause", "local", "gate", processes=(other,)))
        assert heal(tmp_path) == ["gate: its processes are gone"]
        write_intents(tmp_path, Intent("2", "f", "pause", "local", "gate", processes=(paused,)))
        assert heal(tmp_path) == ["gate: resumed (1 processes)"]
        child.communicate(b"\n", timeout=30)


def test_a_paused_container_without_a_record_is_reported(tmp_path: Path) -> None:
    write_intents(tmp_path, Intent("1", "f", "pause", "compose", "gate"))
    with pytest.raises(UnhealedError, match="gate: is paused on compose; `docker compose unpause`"):
        heal(tmp_path)


def test_a_service_that_was_left_down_is_reported_once(tmp_path: Path) -> None:
    write_intents(tmp_path, Intent("1", "f", "down", "local", "gate"))
    assert heal(tmp_path) == ["gate: was left down; `harness up` starts it"]
    assert heal(tmp_path) == []
