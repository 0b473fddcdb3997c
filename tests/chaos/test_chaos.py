"""Several faults at once, flapping, threads, sites, and healing at the end."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from harness.chaos import Chaos, ChaosError, Fault, bind
from harness.chaos._intents import outstanding
from harness.errors import UnhealedError, UsageError
from harness.history import Fault as FaultEvent
from harness.scenario import FaultStep
from harness.stack import Link, StackSpec

from .conftest import states
from .fake_stack import SPEC, FakeStack
from .hung_server import hung_server


def cut(link: str, name: str | None = None) -> Fault:
    step = {"at": 0, "fault": "cut", "on": {"link": link}, "name": name}
    return bind(FaultStep.model_validate(step), SPEC)


def test_events_have_step_fault_type_targets_and_time(
    stack: FakeStack, tmp_path: Path, events: list[FaultEvent]
) -> None:
    with Chaos(stack, tmp_path, emit=events.append, elapsed=lambda: 42.0) as chaos:
        chaos.inject(cut("gate-visa", "cut-the-line"))
    first = events[0]
    assert (first.step, first.fault, first.targets) == ("cut-the-line", "cut", ("gate-visa",))
    assert {event.id for event in events} == {first.id}
    assert {event.t for event in events} == {42.0}


def test_a_link_with_two_cuts_is_enabled_after_the_last_is_healed(
    chaos: Chaos, stack: FakeStack
) -> None:
    one, two = chaos.cut("gate-visa"), chaos.cut("gate-visa")
    one.heal()
    assert "still under another fault" in one.detail
    assert not stack.toxics.proxies()["gate-visa"].enabled
    two.heal()
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_toxics_of_two_faults_on_one_link_are_distinguished(chaos: Chaos, stack: FakeStack) -> None:
    slow = chaos.fault("delay", link="gate-visa", latency="100ms")
    dark = chaos.fault("blackhole", link="gate-visa")
    assert slow.verified
    assert dark.verified
    dark.heal()
    (left,) = stack.toxics.toxics("gate-visa")
    assert left.startswith(f"harness-{slow.id}-")
    slow.heal()
    assert stack.toxics.toxics("gate-visa") == ()


def test_healing_another_fault_does_not_end_a_cut(chaos: Chaos, stack: FakeStack) -> None:
    slow = chaos.fault("delay", link="gate-visa", latency="100ms")
    chaos.cut("gate-visa")
    slow.heal()
    assert not stack.toxics.proxies()["gate-visa"].enabled


def test_healing_twice_does_nothing(chaos: Chaos, events: list[FaultEvent]) -> None:
    injection = chaos.cut("gate-visa")
    injection.heal()
    injection.heal()
    assert states(events).count("healed") == 1


def test_everything_is_healed_at_the_end_in_reverse_order(
    stack: FakeStack, tmp_path: Path, events: list[FaultEvent]
) -> None:
    with Chaos(stack, tmp_path, emit=events.append) as chaos:
        ids = [chaos.cut(link).id for link in ("gate-visa", "gate-border", "desk-gate")]
        assert [injection.id for injection in chaos.active] == ids
    assert [event.id for event in events if event.state == "healed"] == ids[::-1]
    assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
    assert outstanding(tmp_path) == []
    assert not (tmp_path / "lease").exists()
    chaos.close()


def test_a_fault_is_healed_after_an_error_in_the_body(chaos: Chaos, stack: FakeStack) -> None:
    with pytest.raises(ZeroDivisionError), chaos.cut("gate-visa"):
        raise ZeroDivisionError
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_threads_inject_into_different_links_and_the_same_one(
    chaos: Chaos, stack: FakeStack
) -> None:
    links = [*stack.links, *["gate-visa"] * 4]
    with ThreadPoolExecutor(len(links)) as pool:
        injections = list(pool.map(chaos.cut, links))
        assert all(injection.verified for injection in injections)
        list(pool.map(lambda injection: injection.heal(), injections))
    assert all(proxy.enabled for proxy in stack.toxics.proxies().values())
    assert chaos.active == ()


def test_flapping_is_many_verified_injections(chaos: Chaos, events: list[FaultEvent]) -> None:
    injections = chaos.flap(cut("gate-visa"), "flaps", on=0.1, off=0.05, stop=Event(), seconds=1.0)
    assert len(injections) >= 2
    assert all(injection.verified for injection in injections)
    assert len({event.id for event in events}) == len(injections)
    assert {event.step for event in events} == {"flaps"}
    assert states(events)[-1] == "healed"


def test_stopped_flapping_is_healed(chaos: Chaos, stack: FakeStack) -> None:
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        flapping = pool.submit(chaos.flap, cut("gate-visa"), on=60, off=60, stop=stop)
        while not chaos.active:
            assert not flapping.done()
            time.sleep(0.01)
        stop.set()
        assert len(flapping.result(timeout=30)) == 1
    assert stack.toxics.proxies()["gate-visa"].enabled


def test_flapping_does_not_begin_after_it_was_stopped(chaos: Chaos) -> None:
    stop = Event()
    stop.set()
    assert chaos.flap(cut("gate-visa"), on=1, off=1, stop=stop) == []


def test_a_fault_that_cannot_be_healed_is_reported_with_manual_steps(
    stack: FakeStack, tmp_path: Path, events: list[FaultEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.chaos._verify_links.HEAL_TIMEOUT", 0.2)
    monkeypatch.setattr("harness.chaos._injection.HEAL_TIMEOUT", 0.2)
    with Chaos(stack, tmp_path, emit=events.append) as chaos:
        one, two = chaos.cut("gate-visa"), chaos.cut("desk-gate")
        server = chaos._links._server
        enable = server.enable
        server.enable = lambda name: None  # type: ignore[method-assign]
        with pytest.raises(UnhealedError) as caught:
            chaos.heal_all()
        lines = str(caught.value).splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("cut on desk-gate: not healed: desk-gate: refused (direct: ")
        assert (
            f"by hand: enable the proxies and delete their toxics at http://{stack.toxiproxy()}"
            in (lines[1])
        )
        assert {one.state, two.state} == {"unhealed"}
        for link in ("gate-visa", "desk-gate"):
            enable(link)
        one.heal()
        assert one.state == "healed"


def test_a_toxiproxy_that_hangs_is_given_up_once_for_all_faults(
    stack: FakeStack, tmp_path: Path
) -> None:
    with Chaos(stack, tmp_path) as chaos, hung_server() as hung:
        for link in ("gate-visa", "desk-gate", "gate-border"):
            chaos.cut(link)
        client = chaos._server._client
        working, client.server, client.timeout = client.server, hung.address, 0.2
        try:
            with pytest.raises(UnhealedError) as caught:
                chaos.heal_all()
        finally:
            client.server, client.timeout = working, 5.0
        lines = str(caught.value).splitlines()
        assert len(lines) == 3
        assert all("no answer within 0.2 s" in line for line in lines)
        assert len(hung.requests) == 1
    assert outstanding(tmp_path) == []  # healed when it answers again


def test_a_wrong_name_is_a_usage_error(chaos: Chaos) -> None:
    with pytest.raises(UsageError, match="unknown fault 'cutt'; did you mean 'cut'"):
        chaos.fault("cutt", link="gate-visa")
    with pytest.raises(UsageError, match="unknown link"):
        chaos.cut("gate-vis")
    with pytest.raises(UsageError, match="name exactly one of link, to, from, service, site"):
        chaos.fault("cut")
    with pytest.raises(UsageError, match="latency: is missing"):
        chaos.fault("delay", to="visa")


def test_faults_are_injected_between_start_and_close(stack: FakeStack, tmp_path: Path) -> None:
    chaos = Chaos(stack, tmp_path)
    with pytest.raises(ChaosError, match="between start and close"):
        chaos.cut("gate-visa")
    with chaos:
        chaos.cut("gate-visa")
    with pytest.raises(ChaosError, match="between start and close"):
        chaos.cut("gate-visa")


def test_toxics_of_an_earlier_run_are_removed_at_the_start(
    stack: FakeStack, tmp_path: Path
) -> None:
    from harness.chaos._toxic import Toxic

    stack.toxics.add_toxic("gate-visa", Toxic("timeout", "upstream", {"timeout": 0}), "harness-old")
    with Chaos(stack, tmp_path):
        assert stack.toxics.toxics("gate-visa") == ()


def test_a_site_of_25_links_is_cut_as_one(
    server: str, tmp_path: Path, events: list[FaultEvent]
) -> None:
    callers = [f"airport-{number}" for number in range(25)]
    template = SPEC.services["gate"]
    spec = StackSpec(
        name="wide",
        directory=Path(),
        services={**SPEC.services, **dict.fromkeys(callers, template)},
        links={f"{name}-border": Link(f"{name}-border", name, "border", 1) for name in callers}
        | {"visa-database": SPEC.links["visa-database"]},
        toxiproxy="toxiproxy",
        experiments=Path(),
    )
    stack = FakeStack(server, spec=spec)
    start = time.monotonic()
    elapsed = lambda: time.monotonic() - start  # noqa: E731
    with Chaos(stack, tmp_path, emit=events.append, elapsed=elapsed) as chaos:
        for name, limit in (("cut", 1.0), ("blackhole", 2.0)):
            injection = chaos.fault(name, site="center")
            assert injection.verified, injection.detail
            assert len(injection.fault.targets) == 25
            injection.heal()
            at = {event.state: event.t for event in events if event.id == injection.id}
            print(name, {state: round(t - at["asked"], 3) for state, t in at.items()})
            assert at["injected"] - at["asked"] < 1.0
            assert at["verified"] - at["injected"] < limit
    stack.close()
