"""The Docker engine: which one is meant, whether it can be worked with, and its errors as ours."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException

from harness.errors import StackError

_OLDEST = (1, 41)
"""The engine API of Docker 20.10."""

_PATIENCE = 60
_CONNECTIONS = 64
"""Each service's log keeps one, and so do the events."""


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names, else of the current Docker context.

    Raises:
        StackError: none answers, or it is too old; says which and what to do.
    """
    try:
        client = _client()
    except (DockerException, requests.RequestException, OSError) as error:
        raise StackError(
            f"no Docker engine answers ({_short(error)}); start dockerd, set DOCKER_HOST, or "
            "choose another context (docker context use)"
        ) from error
    version = tuple(int(part) for part in client.api.api_version.split("."))
    if version < _OLDEST:
        client.close()
        raise StackError(
            f"this Docker engine speaks API {client.api.api_version}; 1.41 (Docker 20.10) or "
            "newer is needed: update the engine"
        )
    return client


def _client() -> docker.DockerClient:
    # Asked for the version at once, as it is by default, a client that gets no answer is never
    # closed; so it is asked by one that can be.
    asking = _client_of("1.41")
    try:
        version = asking.api.version(api_version=False)["ApiVersion"]
    finally:
        asking.close()
    return _client_of(version)


def _client_of(version: str) -> docker.DockerClient:
    options: dict[str, Any] = {
        "version": version, "timeout": _PATIENCE, "max_pool_size": _CONNECTIONS,
    }  # fmt: skip
    if not os.environ.get("DOCKER_HOST"):
        context: Any = docker.ContextAPI.get_current_context()  # its types leave out None
        if context is not None and context.name != "default":
            tls = context.TLSConfig or False
            return docker.DockerClient(base_url=context.Host, tls=tls, **options)
    return docker.from_env(**options)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn the engine's errors within the block into StackErrors about `what`.

    Raises:
        StackError: the engine refused, or did not answer.
    """
    try:
        yield
    except APIError as error:
        raise StackError(f"{what}: the engine refused: {_short(error)}") from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise StackError(f"{what}: the Docker engine does not answer ({_short(error)})") from error


def _short(error: Exception) -> str:
    said = (isinstance(error, APIError) and error.explanation) or error
    text = " ".join(str(said).split())
    return text if len(text) < 200 else f"{text[:200]}..."
