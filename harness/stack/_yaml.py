"""YAML as stack files use it: one mapping, string keys, and no key that silently hides another.

PyYAML keeps the last of two equal keys; in a stack file that is always a mistake, so it is one.
"""

from typing import Any

import yaml

from ._problems import Problems


class _Loader(yaml.SafeLoader):
    """SafeLoader that remembers the keys that stand twice, as (line, key)."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.twice: list[tuple[int, str]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                self.twice.append((key.start_mark.line + 1, key.value))
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_mapping(problems: Problems) -> dict[str, Any]:
    """The mapping that the file holds.

    Raises:
        UsageError: it cannot be read, is not YAML, or is not a mapping.
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
        problems.add((), f"{line}is not YAML: {getattr(error, 'problem', None) or error}; mend it")
    else:
        for number, key in loader.twice:
            problems.add((), f"line {number}: key {key!r} stands twice; remove or rename one")
        return content
    problems.raise_if_any()
    return None
