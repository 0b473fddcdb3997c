"""A YAML loader for scenario files: booleans as in YAML 1.2, and duplicate keys are errors.

PyYAML follows YAML 1.1, where `on` is a boolean (a fault step has a key `on`), and silently keeps
the last of two equal keys.
"""

from typing import Any

import yaml

from ._bounded_yaml import BoundedLoader

_BOOLEAN = "tag:yaml.org,2002:bool"


class _Loader(BoundedLoader):
    """BoundedLoader with these two differences."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN or first in "tfTF"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key.value!r} is used twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_yaml(text: str) -> Any:
    """Return the content of a YAML `text`.

    Raises:
        yaml.YAMLError: it is not YAML, a mapping has a key twice, or (`RefusedError`) it has
            something that cannot be processed.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
