"""The Docker engine: which one is meant, whether it can be worked with, and its errors as ours."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
import urllib3
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context.config import get_current_context_name
from docker.errors import APIError, DockerException
from docker.utils import kwargs_from_env

from harness.errors import StackError

CONTEXT = "DOCKER_CONTEXT"
"""Environment: a Docker context, unless DOCKER_HOST names an engine."""

_OLDEST = (1, 41)
"""The engine API of Docker 20.10."""

LOST = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""What may be raised where the engine refuses or goes away; in a stream, urllib3's own."""

_PATIENCE = 60
_CONNECTIONS = 64
"""Each service's log keeps one, and so do the events."""


def connect(patience: int = _PATIENCE) -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names, else of the Docker context in use.

    `patience` is how many seconds the engine may take for one answer.

    Raises:
        StackError: none answers, or it is too old; says which and what to do.
    """
    place, options = _chosen()
    try:
        _knock(place)
        client = _client(options | {"timeout": patience, "max_pool_size": _CONNECTIONS})
    except LOST as error:
        raise StackError(
            f"{place}: no Docker engine answers ({_short(error)}); start dockerd, set DOCKER_HOST, "
            "or choose another context (docker context use)"
        ) from error
    version = tuple(int(part) for part in client.api.api_version.split("."))
    if version < _OLDEST:
        client.close()
        raise StackError(
            f"{place}: this Docker engine speaks API {client.api.api_version}; 1.41 (Docker 20.10) "
            "or newer is needed: update the engine"
        )
    return client


def _chosen() -> tuple[str, dict[str, Any]]:
    """Where the engine is, and how a client gets there; as the `docker` command chooses it.

    The SDK itself knows nothing of DOCKER_CONTEXT, and takes a context that there is not for the
    engine of this machine.
    """
    host = os.environ.get("DOCKER_HOST")
    name = os.environ.get(CONTEXT) or get_current_context_name()
    if host or name == "default":
        return host or DEFAULT_UNIX_SOCKET.removeprefix("http+"), dict(kwargs_from_env())
    try:
        context: Any = docker.ContextAPI.get_context(name)  # its types leave out None
        if context is not None:
            return context.Host, {"base_url": context.Host, "tls": context.TLSConfig or False}
    except Exception as error:  # the SDK raises just that for a file that it cannot read
        raise StackError(f"Docker context {name!r}: cannot be read: {error}") from error
    raise StackError(
        f"no Docker context is called {name!r}; docker context ls tells those that there are"
    )


def _knock(place: str) -> None:
    """Raise OSError if nobody listens at a socket of this machine: the SDK would leak its own."""
    scheme, _, path = place.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(path)


def _client(options: dict[str, Any]) -> docker.DockerClient:
    # Asked for the version at once, as it is by default, a client that gets no answer is never
    # closed; so it is asked by one that can be.
    asking = docker.DockerClient(version="1.41", **options)
    try:
        version = asking.api.version(api_version=False)["ApiVersion"]
    finally:
        asking.close()
    return docker.DockerClient(version=version, **options)


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
    except LOST as error:
        raise StackError(f"{what}: the Docker engine does not answer ({_short(error)})") from error


def _short(error: Exception) -> str:
    """What the engine or the SDK said; where a connection failed, the system's word for why."""
    if isinstance(error, APIError):
        said: object = error.explanation or error
    else:
        root = error if isinstance(error, DockerException) else _root(error)
        said = getattr(root, "strerror", None) or root
    text = " ".join(str(said).split())
    # Why is often said last, after the path of everybody who passed it on.
    return text if len(text) < 300 else f"{text[:150]} ... {text[-150:]}"


def _root(error: BaseException) -> BaseException:
    """The innermost cause, which is the one that says `Connection refused`."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
