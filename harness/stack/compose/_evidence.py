"""The versions for the evidence: engine, Compose, PostgreSQL, and each image by digest."""

import platform
from collections.abc import Iterator, Mapping

import docker
from docker.models.containers import Container
from docker.utils import parse_repository_tag

import harness

from .._proxies import toxiproxy_version
from .._spec import PostgresRun, StackSpec
from ._command import Compose
from ._engine import engine_errors


def versions(
    client: docker.DockerClient,
    compose: Compose,
    spec: StackSpec,
    containers: Mapping[str, Container],
    toxiproxy: str,
) -> dict[str, str]:
    """Return name -> version of everything that runs.

    Raises:
        StackError: the engine does not answer.
    """
    with engine_errors("the stack's versions cannot be read"):
        engine = client.version()
        return {
            "harness": harness.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "engine": f"{engine['Version']} (API {engine['ApiVersion']})",
            "compose": compose.version,
            "toxiproxy": f"{toxiproxy_version(toxiproxy) or 'not answering'} (container)",
            **dict(_postgres(spec, containers)),
            **dict(_images(containers)),
        }


def _postgres(spec: StackSpec, containers: Mapping[str, Container]) -> Iterator[tuple[str, str]]:
    for name, service in spec.services.items():
        if isinstance(service.run, PostgresRun) and name in containers:
            answer = containers[name].exec_run(["postgres", "--version"])
            if answer.exit_code == 0 and isinstance(answer.output, bytes):
                yield "postgresql", answer.output.decode().split()[2]
                return


def _images(containers: Mapping[str, Container]) -> Iterator[tuple[str, str]]:
    for container in containers.values():
        image = container.image
        if image is None:
            continue
        name = str(container.attrs["Config"]["Image"])
        digests = image.attrs.get("RepoDigests") or []
        repository, _ = parse_repository_tag(name)
        # An image may have digests of several registries: prefer the one that it is named by.
        own = [digest for digest in digests if digest.partition("@")[0] == repository]
        yield f"image {name}", str((own or digests or [image.id])[0])
