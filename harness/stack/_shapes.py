"""Normalise the parts of a Compose file that Compose accepts in several forms.

`environment` as map or list, `depends_on` as list or map, `volumes` in short or long syntax,
`env_file` as one name or several, `stop_grace_period` as `1m30s`. Each function adds what is wrong
to `problems` and returns the valid rest; `at` is the key of the value.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.scenario import check_duration

from ._problems import Key, Problems

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_CONDITIONS = ("service_started", "service_healthy")


def read_environment(
    value: Any, shell: Mapping[str, str], problems: Problems, at: Key
) -> dict[str, str]:
    """Return the variables of a service; one without a value is taken from `shell`, if set."""
    if value is None:
        return {}
    if isinstance(value, dict):
        pairs = [(str(name), item, (*at, str(name))) for name, item in value.items()]
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        split = [(item.partition("="), (*at, number)) for number, item in enumerate(value)]
        pairs = [(name, item if sign else None, key) for (name, sign, item), key in split]
    else:
        problems.add(at, "must be a mapping, or a list of NAME=value")
        return {}
    found: dict[str, str] = {}
    for name, item, key in pairs:
        if isinstance(item, bool) or not isinstance(item, str | int | float | None):
            shown = str(item).lower() if isinstance(item, bool) else "a nested value"
            problems.add(key, f"{shown} is not a string; put quotes around it")
        elif item is not None:
            found[name] = str(item)
        elif name in shell:
            found[name] = shell[name]
    return found


def read_env_files(value: Any, directory: Path, problems: Problems, at: Key) -> dict[str, str]:
    """Return the variables of the files in `env_file`; later files override earlier ones."""
    if value is None:
        return {}
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems.add(at, "must be the name of a file, or a list of names")
        return {}
    found: dict[str, str] = {}
    for name in names:
        try:
            found |= parse_env_file((directory / name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            problems.add(at, f"{name} cannot be read ({error}); create the file or remove its name")
    return found


def parse_env_file(text: str) -> dict[str, str]:
    """Parse `NAME=value` lines; blank lines, comments, `export` and quotes as in Compose."""
    found = {}
    for line in text.splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and name and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].rstrip()
    return found


def read_depends_on(value: Any, problems: Problems, at: Key) -> dict[str, str]:
    """Return a map of dependency to condition: `service_started` or `service_healthy`."""
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, "service_started")
    if not isinstance(value, dict):
        problems.add(at, "must be a list of services, or map services to {condition: ...}")
        return {}
    found = {}
    for name, item in value.items():
        condition = item.get("condition") if isinstance(item, dict) else None
        if condition in _CONDITIONS:
            found[str(name)] = condition
        else:
            problems.add((*at, str(name), "condition"), f"must be {' or '.join(_CONDITIONS)}")
    return found


def read_volumes(
    value: Any, service: str, problems: Problems, at: Key
) -> tuple[dict[str, str], dict[str, str]]:
    """Return two maps: mount path -> volume, and mount path -> host path of bind mounts."""
    volumes: dict[str, str] = {}
    binds: dict[str, str] = {}
    if value is not None and not isinstance(value, list):
        problems.add(at, "must be a list, such as [data:/data]")
        value = None
    for number, item in enumerate(value or []):
        source, inside = _volume(item)
        if inside is None or not inside.startswith("/"):
            problems.add((*at, number), "must be NAME:/path, or {type, source, target: /path}")
        elif source is None:  # anonymous, or tmpfs: a volume of this service alone
            volumes[inside] = f"{service}@{inside.strip('/').replace('/', '-')}"
        elif source.startswith(("/", ".", "~")):
            binds[inside] = source
        else:
            volumes[inside] = source
    return volumes, binds


def _volume(item: Any) -> tuple[str | None, str | None]:
    """Return source and mount path of one entry; the mount path is None if it is malformed."""
    if isinstance(item, str):
        parts = item.split(":")
        if len(parts) == 1:
            return None, parts[0]
        return (parts[0] or None, parts[1]) if parts[0] else (None, None)
    if isinstance(item, dict) and isinstance(item.get("target"), str):
        source = item.get("source")
        return (source if isinstance(source, str) else None), item["target"]
    return None, None


def read_networks(body: Mapping[str, Any], problems: Problems, at: Key) -> tuple[str, ...]:
    """Return the networks of a service: those that it names, else the project's default network."""
    if body.get("network_mode"):
        return ()
    value = body.get("networks")
    if value is None:
        return ("default",)
    if not isinstance(value, list | dict) or not all(isinstance(name, str) for name in value):
        problems.add(
            (*at, "networks"), "must be a list of networks, or a mapping with their names as keys"
        )
        return ()
    return tuple(value)


def read_grace(value: Any, problems: Problems, at: Key) -> float:
    """Return `stop_grace_period` in wall-clock seconds; 10, as in Compose, if there is none."""
    if value is None:
        return 10.0
    parts = _DURATION.findall(str(value))
    if not parts or "".join(number + unit for number, unit in parts) != str(value):
        problems.add(at, f"{value!r} is not a duration; write one such as 10s or 1m30s")
        return 10.0
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    try:
        check_duration(seconds)
    except ValueError as error:
        problems.add(at, str(error))
        return 10.0
    return seconds
