"""Load workers as containers of the stack's project, beside the services that they call.

They are on every network of the project, so that they reach services at their addresses, and have
its labels, so that they are removed with the stack. They run this machine's code, mounted read-only
at the same paths; their image (`Dockerfile`, target `load`) provides Python and its packages. They
store nothing: their records go to the master, which listens on this machine at the gateway of one
of those networks only.
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.networks import Network

import harness
from harness.errors import StackError

from .._spec import StackSpec
from ._engine import connect, engine_errors
from ._project import PROJECT_LABEL, SERVICE_LABEL, STATE_LABEL, WORKER_LABEL, Project

IMAGE = "HARNESS_LOAD_IMAGE"
"""Environment variable: an image for workers whose journeys need further packages."""

_IMAGE = "outage-harness/load:local"
_POLL_INTERVAL = 0.5
_GRACE = 2


class ContainerWorkers:
    """`count` workers for the stack whose state is in `run` (implements `harness.load.Workers`)."""

    def __init__(self, spec: StackSpec, run: Path, count: int) -> None:
        self.count = count
        self._directory = spec.directory
        self._project = Project.of(spec.name, run)
        self._logs = run.resolve() / "logs"
        self._connected: docker.DockerClient | None = None
        self._containers: dict[str, Container] = {}
        self._polled_at = 0.0
        self._ended: list[str] = []

    def host(self) -> str:
        """Return this machine's address on a network of the project.

        Raises:
            StackError: the engine is on another machine, or every network is internal.
        """
        with engine_errors("the load's master has no address to listen at"):
            for network in self._networks():
                gateway = _gateway(network)
                if gateway and not network.attrs.get("Internal"):
                    _require_local(gateway)
                    return gateway
        raise StackError(
            f"{self._project.name}: every network is internal, so workers cannot reach a master "
            "on this machine; give the stack one that is not, or leave --workers out"
        )

    def start(self, arguments: Sequence[str]) -> None:
        """Create and start every worker's container.

        Raises:
            StackError: the image is missing, or the engine refused.
        """
        with engine_errors("the load's workers cannot be started"):
            networks = self._networks()
            # Networks from which this machine is reached come first.
            networks.sort(key=lambda network: bool(network.attrs.get("Internal")))
            for number in range(self.count):
                self._create(number, arguments, networks)
            self._each(lambda container: container.start())

    def ended(self) -> list[str]:
        """Return a line for each worker that has ended; the engine is asked twice a second.

        Raises:
            StackError: the engine does not answer.
        """
        if (
            self._containers
            and not self._ended
            and time.monotonic() > self._polled_at + _POLL_INTERVAL
        ):
            self._polled_at = time.monotonic()
            with engine_errors("the load's workers cannot be inspected"):
                self._ended = [
                    f"{name} ended (exit code {code}): {self._log_tail(name)}"
                    for name, code in self._exit_codes().items()
                ]
        return list(self._ended)

    def stop(self) -> None:
        """Stop and remove the containers; their logs are kept with the services' logs.

        Raises:
            StackError: the engine does not answer; `harness heal` removes them later.
        """
        client, self._connected = self._connected, None
        if client is None:
            return
        try:
            with engine_errors("the load's workers cannot be removed; harness heal does it later"):
                self._each(self._stop_one)
        finally:
            client.close()

    @property
    def _client(self) -> docker.DockerClient:
        if self._connected is None:
            self._connected = connect()
        return self._connected

    def _networks(self) -> list[Network]:
        found = self._client.networks.list(filters=self._project.filters)
        return sorted(found, key=lambda network: network.name or "")

    def _create(self, number: int, arguments: Sequence[str], networks: list[Network]) -> None:
        name = f"load-worker-{number}"
        image = os.environ.get(IMAGE) or _IMAGE
        package = Path(harness.__file__).resolve().parent
        mounted = {
            str(path): {"bind": str(path), "mode": "ro"} for path in (package, self._directory)
        }
        options: dict[str, Any] = {
            "name": f"{self._project.name}-{name}",
            "hostname": name,
            "labels": {
                PROJECT_LABEL: self._project.name,
                SERVICE_LABEL: name,
                STATE_LABEL: str(self._project.state_dir),
                WORKER_LABEL: name,
            },
            "environment": {
                "HOME": "/tmp",  # noqa: S108 - the container's own
                "PYTHONPATH": str(package.parent),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            "volumes": mounted,
            "working_dir": "/tmp",  # noqa: S108 - Locust imports from there first: not the image's
            "network": networks[0].name,
            "user": f"{os.getuid()}:{os.getgid()}",  # may read the mounted files
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "init": True,
        }
        try:
            container = self._client.containers.create(image, ["python", *arguments], **options)
        except ImageNotFound as error:
            raise StackError(
                f"no image {image} for the load's workers; build it with harness images build, in "
                "the harness's own directory"
            ) from error
        self._containers[name] = container
        for network in networks[1:]:
            network.connect(container)

    def _each(self, do: Callable[[Container], object]) -> None:
        with ThreadPoolExecutor(len(self._containers) or 1, "load-workers") as pool:
            list(pool.map(do, self._containers.values()))

    def _exit_codes(self) -> dict[str, int]:
        """Return the name and exit code of each worker that has ended."""
        ours = {container.id: name for name, container in self._containers.items()}
        filters = {**self._project.filters, "status": ["exited", "dead"]}
        found: dict[str, int] = {}
        for one in self._client.api.containers(all=True, filters=filters):
            if one["Id"] in ours:
                container = self._containers[ours[one["Id"]]]
                container.reload()
                found[ours[one["Id"]]] = container.attrs["State"].get("ExitCode", -1)
        return found

    def _log_tail(self, name: str) -> str:
        lines = self._containers[name].logs(tail=5).decode(errors="replace").splitlines()
        text = " | ".join(line.strip() for line in lines if line.strip())
        return f"{text or 'its log is empty'} ({self._logs / f'{name}.log'})"

    def _stop_one(self, container: Container) -> None:
        with suppress(NotFound):
            container.stop(timeout=_GRACE)
            (self._logs / f"{container.labels[WORKER_LABEL]}.log").write_bytes(container.logs())
            container.remove(v=True, force=True)


def _gateway(network: Network) -> str:
    """Return the gateway of `network`, which is this machine's address there; "" if unknown."""
    network.reload()
    configured = (network.attrs.get("IPAM") or {}).get("Config") or []
    if configured and configured[0].get("Gateway"):
        return str(configured[0]["Gateway"]).partition("/")[0]
    for container in network.containers:
        joined = container.attrs["NetworkSettings"]["Networks"].get(network.name) or {}
        if joined.get("Gateway"):
            return str(joined["Gateway"])
    return ""


def _require_local(address: str) -> None:
    """Check that a master can listen at `address`.

    Raises:
        StackError: it is not an address of this machine.
    """
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise StackError(
                f"the engine's networks are not on this machine ({address}: {error.strerror}), so "
                "workers beside the stack cannot reach their master here: run the harness on the "
                "engine's machine, or leave --workers out"
            ) from error
