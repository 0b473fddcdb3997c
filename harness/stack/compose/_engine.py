"""The Docker engine: which one to use, its version, and its errors as StackErrors."""

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
"""Environment variable: a Docker context, used unless DOCKER_HOST is set."""

_OLDEST = (1, 41)
"""The engine API of Docker 20.10."""

ENGINE_ERRORS = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""Raised when the engine refuses or goes away; streams raise urllib3's errors."""

_TIMEOUT = 60
_CONNECTIONS = 64
"""Each service's log keeps one connection open, and so do the events."""


def connect(timeout: int = _TIMEOUT) -> docker.DockerClient:
    """Return a client of the engine of DOCKER_HOST, else of the Docker context in use.

    Args:
        timeout: seconds that the engine may take for one answer.

    Raises:
        StackError: no engine answers, or it is too old.
    """
    place, options = _chosen()
    try:
        _check_socket(place)
        client = _client(options | {"timeout": timeout, "max_pool_size": _CONNECTIONS})
    except ENGINE_ERRORS as error:
        raise StackError(
            f"{place}: no Docker engine answers ({_error_text(error)}); start dockerd, set "
            "DOCKER_HOST, or choose another context (docker context use)"
        ) from error
    version = tuple(int(part) for part in client.api.api_version.split("."))
    if version < _OLDEST:
        client.close()
        raise StackError(
            f"{place}: this Docker engine has API {client.api.api_version}; 1.41 (Docker 20.10) "
            "or newer is needed: update the engine"
        )
    return client


def _chosen() -> tuple[str, dict[str, Any]]:
    """Return the engine's URL and the client's options, chosen as the `docker` command does.

    The SDK ignores DOCKER_CONTEXT, and uses the local engine for a context that does not exist.
    """
    host = os.environ.get("DOCKER_HOST")
    name = os.environ.get(CONTEXT) or get_current_context_name()
    if host or name == "default":
        return host or DEFAULT_UNIX_SOCKET.removeprefix("http+"), dict(kwargs_from_env())
    try:
        context: Any = docker.ContextAPI.get_context(name)  # its annotation lacks None
        if context is not None:
            return context.Host, {"base_url": context.Host, "tls": context.TLSConfig or False}
    except Exception as error:  # the SDK raises a plain Exception for an unreadable file
        raise StackError(f"Docker context {name!r}: cannot be read: {error}") from error
    raise StackError(
        f"no Docker context is called {name!r}; docker context ls lists the existing ones"
    )


def _check_socket(place: str) -> None:
    """Raise OSError if no process listens at a Unix socket: the SDK would leak its own socket."""
    scheme, _, path = place.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)


def _client(options: dict[str, Any]) -> docker.DockerClient:
    # By default the constructor asks for the version, and a client that gets no answer is never
    # closed. So a first client, which can be closed, asks for it.
    first = docker.DockerClient(version="1.41", **options)
    try:
        version = first.api.version(api_version=False)["ApiVersion"]
    finally:
        first.close()
    return docker.DockerClient(version=version, **options)


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn the engine's errors in the block into StackErrors that begin with `what`.

    Raises:
        StackError: the engine refused, or did not answer.
    """
    try:
        yield
    except APIError as error:
        raise StackError(f"{what}: the engine refused: {_error_text(error)}") from error
    except ENGINE_ERRORS as error:
        raise StackError(
            f"{what}: the Docker engine does not answer ({_error_text(error)})"
        ) from error


def _error_text(error: Exception) -> str:
    """Return the message of the engine or the SDK; for a failed connection, that of the system."""
    if isinstance(error, APIError):
        message: object = error.explanation or error
    else:
        root = error if isinstance(error, DockerException) else _root(error)
        message = getattr(root, "strerror", None) or root
    text = " ".join(str(message).split())
    # The reason is often at the end of a long message.
    return text if len(text) < 300 else f"{text[:150]} ... {text[-150:]}"


def _root(error: BaseException) -> BaseException:
    """Return the innermost cause, such as `Connection refused`."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
