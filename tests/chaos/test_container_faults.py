"""Faults of containers: verified, healed, and reverted after a crash."""

import contextlib
import io
import socket
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest

from harness.chaos import Chaos, ChaosError, Injection, Toxiproxy, heal
from harness.chaos._intents import Intent, Intents, outstanding
from harness.errors import BackendError
from harness.history import Fault as FaultEvent
from harness.stack import NodeStatus

from .conftest import ContainerStack, states, until
from .fake_stack import FakeStack

VERIFIED_AND_HEALED = ["asked", "injected", "verified", "healing", "healed"]


@pytest.fixture
def chaos(containers: ContainerStack, tmp_path: Path, events: list[FaultEvent]) -> Iterator[Chaos]:
    """Yield a `Chaos` on the stack in containers."""
    with Chaos(containers, tmp_path, emit=events.append) as made:
        yield made


def status(stack: ContainerStack, service: str) -> NodeStatus:
    return next(one for one in stack.status() if one.service == service)


def answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 1.0) as connection:
            connection.settimeout(1.0)
            connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def grow(stack: ContainerStack, service: str) -> bool:
    """Let a service allocate 16 MB more; return True if it could."""
    host, _, port = stack.address(service).rpartition(":")
    try:
        with socket.create_connection((host, int(port)), 5.0) as connection:
            connection.sendall(b"GET /grow HTTP/1.1\r\n\r\n")
            return bool(connection.recv(64))
    except OSError:
        return False


def write(engine: docker.DockerClient, stack: ContainerStack, path: str, text: bytes) -> None:
    """Write a file into the container of `border`, as its service would."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        head = tarfile.TarInfo(Path(path).name)
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
    container = engine.containers.get(stack.engine.record("border")["container"])
    container.put_archive(str(Path(path).parent), archive.getvalue())


def read(engine: docker.DockerClient, stack: ContainerStack, path: str) -> bytes:
    container = engine.containers.get(stack.engine.record("border")["container"])
    pieces, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        file = tar.extractfile(Path(path).name)
        assert file is not None
        return file.read()


@pytest.mark.parametrize(
    ("name", "params"), [("disconnect", {}), ("starve", {"cpu": 0.02}), ("fill", {})]
)
def test_it_is_verified_and_healed(
    chaos: Chaos,
    containers: ContainerStack,
    events: list[FaultEvent],
    name: str,
    params: dict[str, Any],
) -> None:
    record_before, status_before = containers.engine.record("border"), status(containers, "border")
    with chaos.fault(name, service="border", **params) as injection:
        assert injection.verified, injection.detail
        assert injection.detail.endswith(" is as before")
        assert status(containers, "border").pid == status_before.pid
    assert states(events) == VERIFIED_AND_HEALED
    record_after = containers.engine.record("border")
    assert record_after["networks"].keys() == record_before["networks"].keys()
    for network, endpoint in record_before["networks"].items():
        assert record_after["networks"][network] == endpoint
    assert record_after["limits"]["CpuQuota"] in (0, -1)
    assert status(containers, "border") == status_before


def test_a_disconnected_service_returns_with_its_name_and_address(
    chaos: Chaos, containers: ContainerStack, engine: docker.DockerClient
) -> None:
    address, hosts = containers.address("gate"), containers.engine.hosts("gate")
    with chaos.fault("disconnect", service="gate") as injection:
        assert injection.verified, injection.detail
        assert containers.engine.hosts("gate") == {}
        assert not answers(address)
        assert answers(containers.address("desk"))
    assert answers(address)
    desk = engine.containers.get(containers.engine.record("desk")["container"])
    code = "import socket; print(socket.gethostbyname('gate'))"
    output = desk.exec_run(["python", "-c", code]).output
    assert isinstance(output, bytes)
    assert output.decode().strip() == hosts["default"]


def test_a_link_is_not_redirected_while_its_proxy_is_recreated(
    chaos: Chaos, containers: ContainerStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the redirection would be lost, or would find no proxy."""
    killing = ThreadPoolExecutor(1)
    killed: list[Future[None]] = []

    class SlowToxiproxy(Toxiproxy):
        def _create_disabled(self, *arguments: Any) -> None:
            killed.append(killing.submit(containers.kill, "border"))
            with contextlib.suppress(TimeoutError):
                killed[0].result(0.5)  # long enough for a kill that does not wait
            assert not killed[0].done()
            super()._create_disabled(*arguments)

    delay = chaos.fault("delay", link="gate-border", latency="1s")
    monkeypatch.setattr(chaos._links._server, "__class__", SlowToxiproxy)
    try:
        delay.heal()
        killed[0].result(30)
        assert containers.toxics.proxies()["gate-border"].upstream == "127.0.0.1:1"
    finally:
        containers.launch("border")
        killing.shutdown()
    assert containers.toxics.proxies()["gate-border"].upstream == containers.address("border")


def test_a_service_can_be_disconnected_from_one_of_several_networks(
    chaos: Chaos, containers: ContainerStack
) -> None:
    hosts = containers.engine.hosts("gate")
    with chaos.fault("disconnect", service="gate", network="backstage") as injection:
        assert injection.verified, injection.detail
        assert answers(f"{hosts['default']}:8000")
        assert not answers(f"{hosts['backstage']}:8000")
    assert containers.engine.hosts("gate") == hosts
    assert answers(f"{hosts['backstage']}:8000")


def test_a_link_to_a_disconnected_service_can_be_cut_as_well(chaos: Chaos) -> None:
    with chaos.fault("disconnect", service="border"), chaos.cut("gate-border") as cut:
        assert cut.verified, cut.detail
        assert "border disconnected by another step" in cut.detail


def test_a_service_that_is_killed_while_disconnected_stays_disconnected(
    chaos: Chaos, containers: ContainerStack
) -> None:
    with chaos.fault("disconnect", service="border"):
        with chaos.kill("border") as kill:
            assert kill.verified, kill.detail
        assert status(containers, "border").state == "running"
        assert not answers(containers.address("border"))
    assert answers(containers.address("border"))


def test_a_limit_that_is_not_reached_is_unverified(chaos: Chaos) -> None:
    with chaos.fault("starve", service="border", memory="512MB") as injection:
        assert not injection.verified
        assert "border: may use 512MB, and uses " in injection.detail
    with chaos.fault("starve", service="queue", cpu=8) as injection:
        assert not injection.verified
        assert "queue: may use 8 of a core, and did not try to use more" in injection.detail


def starved(chaos: Chaos, containers: ContainerStack, service: str) -> Injection:
    """Set a memory limit just above what `service` uses; return the injection.

    The usage may have grown when the limit is set, which the engine rejects. Or the limit makes it
    shrink, because the kernel drops caches, and then the service is not out of memory.
    """
    for margin in (50, 40, 30, 20):
        used = containers.engine.usage(service).used
        with contextlib.suppress(ChaosError):
            injection = chaos.fault("starve", service=service, memory=used + used // margin)
            if injection.verified:
                return injection
            injection.heal()
    return chaos.fault("starve", service=service, memory=used + used // 10)


def test_a_service_at_its_memory_limit_is_out_of_memory(
    chaos: Chaos, containers: ContainerStack
) -> None:
    grow(containers, "border")
    with starved(chaos, containers, "border") as injection:
        assert injection.verified, injection.detail
    used = containers.engine.usage("border").used
    limit = containers.engine.usage("border").memory
    assert limit is None or limit > 100 * used


def test_a_limit_below_the_usage_is_rejected_without_changes(
    chaos: Chaos, containers: ContainerStack
) -> None:
    grow(containers, "border")
    with pytest.raises(ChaosError, match=r"border: it already uses more than 8MB; choose a higher"):
        chaos.fault("starve", service="border", memory="8MB")
    assert chaos.active == ()
    limit = containers.engine.usage("border").memory
    assert limit is None or limit > 1024**3


def test_a_service_that_the_kernel_kills_for_memory_is_restarted_by_healing(
    chaos: Chaos, containers: ContainerStack, engine: docker.DockerClient
) -> None:
    address = containers.address("border")
    with chaos.fault("starve", service="border", memory="64MB"):
        while grow(containers, "border"):
            assert containers.engine.usage("border").used < 65 * 1024**2
        until(lambda: status(containers, "border").state == "exited")
    assert answers(address)


def test_limits_stay_until_both_faults_that_starve_a_service_are_healed(
    chaos: Chaos, containers: ContainerStack
) -> None:
    first = chaos.fault("starve", service="border", cpu=0.1)
    second = chaos.fault("starve", service="border", cpu=0.05)
    first.heal()
    assert containers.engine.usage("border").cpu == pytest.approx(0.05)
    second.heal()
    assert containers.engine.usage("border").cpu is None


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("kill", {}), ("stop", {}), ("pause", {}), ("restart", {}), ("restart", {"hard": True}),
        ("disconnect", {}), ("starve", {"cpu": 0.05}), ("fill", {}),
    ],
)  # fmt: skip
def test_written_data_survives(
    chaos: Chaos,
    containers: ContainerStack,
    engine: docker.DockerClient,
    name: str,
    params: dict[str, Any],
) -> None:
    write(engine, containers, "/ledger/journal", f"before {name}".encode())
    with chaos.fault(name, service="border", **params) as injection:
        assert injection.verified, injection.detail
    assert read(engine, containers, "/ledger/journal") == f"before {name}".encode()


def test_what_was_written_outlives_a_full_disk_and_a_kill(
    chaos: Chaos, containers: ContainerStack, engine: docker.DockerClient
) -> None:
    write(engine, containers, "/ledger/journal", b"every crossing")
    with chaos.fault("fill", service="border") as full:
        assert full.verified, full.detail
        with pytest.raises(docker.errors.APIError, match="no space left"):
            write(engine, containers, "/ledger/more", b"x" * 8192)
        with chaos.kill("border") as kill:
            assert kill.verified, kill.detail
        assert containers.engine.room("border") == {"/ledger": False}
    assert read(engine, containers, "/ledger/journal") == b"every crossing"
    write(engine, containers, "/ledger/more", b"x" * 8192)


def test_every_disk_of_a_service_is_filled(chaos: Chaos, containers: ContainerStack) -> None:
    with chaos.fault("fill", service="gate") as injection:
        assert injection.verified, injection.detail
        assert containers.engine.room("gate") == {"/paper": False, "/stamps": False}
    assert containers.engine.room("gate") == {"/paper": True, "/stamps": True}


def test_container_faults_are_rejected_for_processes(stack: FakeStack, tmp_path: Path) -> None:
    with Chaos(stack, tmp_path) as chaos:
        for name, params in (("disconnect", {}), ("starve", {"cpu": 0.1})):
            with pytest.raises(
                BackendError, match=f"{name} needs containers; run with --on compose"
            ):
                chaos.fault(name, service="border", **params)
        assert chaos.active == ()


# ---- after a crash ------------------------------------------------------------------------------


def test_every_change_is_reverted_from_its_intent_alone(
    containers: ContainerStack, tmp_path: Path
) -> None:
    engine = containers.engine
    changes = {"disconnect": "desk", "starve": "visa", "fill": "border", "pause": "gate"}
    intents = Intents(tmp_path)
    intents.begin(
        Intent(change, "f", change, "compose", name, record=engine.record(name))  # type: ignore[arg-type]
        for change, name in changes.items()
    )
    intents.close()
    before = engine.hosts("desk")
    engine.disconnect("desk", list(before))
    engine.starve("visa", cpu=0.1, memory=None)
    engine.fill("border")
    containers.pause("gate")

    assert sorted(heal(tmp_path)) == [
        "border: its disk is no longer full",
        "desk: connected to default again",
        "gate: resumed",
        "visa: may use as much CPU as before",
    ]
    assert outstanding(tmp_path) == []
    assert heal(tmp_path) == []
    assert engine.hosts("desk") == before
    assert engine.usage("visa").cpu is None
    assert engine.room("border") == {"/ledger": True}
    until(lambda: status(containers, "gate").state == "running")


def test_intents_whose_changes_were_not_made_need_no_healing(
    containers: ContainerStack, tmp_path: Path
) -> None:
    record = containers.engine.record("gate")
    intents = Intents(tmp_path)
    for change in ("disconnect", "starve", "fill", "pause"):
        intents.begin([Intent(change, "f", change, "compose", "gate", record=record)])
    intents.close()
    assert sorted(heal(tmp_path)) == [
        "gate: is limited as before",
        "gate: is not paused any more",
        "gate: is on all its networks",
        "gate: its disk is no longer full",
    ]
    assert answers(containers.address("gate"))


def test_a_removed_container_needs_no_healing(engine: docker.DockerClient, tmp_path: Path) -> None:
    record = {"container": "0" * 64, "service": "gate", "networks": {}, "limits": {}, "disks": []}
    intents = Intents(tmp_path)
    intents.begin([Intent("1", "f", "pause", "compose", "gate", record=record)])
    intents.close()
    assert heal(tmp_path) == ["gate: its container is gone, and the fault with it"]
    assert outstanding(tmp_path) == []


def test_a_container_of_another_owner_is_left_alone(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    other = engine.containers.run(
        "outage-harness/services:local", ["sleep", "60"], detach=True, init=True
    )
    try:
        other.pause()
        intents = Intents(tmp_path)
        record = {"container": other.id, "service": "gate"}
        intents.begin([Intent("1", "f", "pause", "compose", "gate", record=record)])
        intents.close()
        (line,) = heal(tmp_path)
        assert line == "gate: its container was not created by the harness, and was left alone"
        other.reload()
        assert other.status == "paused"
    finally:
        other.remove(v=True, force=True)
