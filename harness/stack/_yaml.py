"""Load a YAML file that is one mapping with string keys, and report duplicate keys.

PyYAML silently keeps the last of two equal keys. In a stack file that is always a mistake.
"""

from typing import Any

import yaml

from harness.scenario import BoundedLoader, RefusedError

from ._problems import Problems


class _Loader(BoundedLoader):
    """BoundedLoader that records duplicate keys, as (line, key)."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.duplicates: list[tuple[int, str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                self.duplicates.append((key.start_mark.line + 1, key.value))
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_mapping(problems: Problems) -> dict[str, Any]:
    """Return the mapping in the file of `problems`.

    Raises:
        UsageError: the file cannot be read, is not YAML, is not a mapping, or has duplicate keys.
    """
    content = _load(problems)
    if not isinstance(content, dict):
        problems.add((), "must be a mapping with `services:` and `x-harness:`")
    problems.raise_if_any()
    return {str(key): value for key, value in content.items()}


def _load(problems: Problems) -> Any:
    try:
        loader = _Loader(problems.file.read_text(encoding="utf-8"))
        content = loader.get_single_data()
    except OSError as error:
        problems.add((), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        problems.add((), "is not UTF-8 text; save it as UTF-8")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        text = getattr(error, "problem", None) or str(error)
        if not isinstance(error, RefusedError):
            text = f"is not YAML: {text}; correct it"
        problems.add((), f"{line}{text}")
    else:
        for number, key in loader.duplicates:
            problems.add((), f"line {number}: key {key!r} is a duplicate; remove or rename one")
        return content
    problems.raise_if_any()
    return None
