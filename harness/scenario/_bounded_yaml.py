"""A YAML loader for files of users: whatever is wrong with one is a `yaml.YAMLError` with a line.

PyYAML's own loader raises other errors for impossible dates and numbers, exceeds Python's recursion
limit at deep nesting, and lets a few lines with aliases stand for billions of values.
"""

from typing import Any

import yaml

_MAX_NESTING = 100
"""Levels of nesting, aliases expanded."""
_MAX_EXPANSION = 100_000
"""Values that a file with aliases may stand for, aliases expanded."""
_MAX_BITS = 1000
"""Bits of an integer: more than any use has, and fewer than a float can hold."""
_SHOWN = 30
"""Characters of a value that a message shows."""


class RefusedError(yaml.MarkedYAMLError):
    """The text is YAML, but has something that cannot be processed; `problem` says the cure."""


class BoundedLoader(yaml.SafeLoader):
    """SafeLoader that refuses what cannot be processed."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nesting = 0
        self._has_aliases = False
        self._measures: dict[int, tuple[int, int]] = {}
        """Id of a complete node -> values in it and levels of nesting, aliases expanded."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node.

        Raises:
            RefusedError: it is nested too deeply, or stands for too many values.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        is_alias = isinstance(event, yaml.AliasEvent)
        self._has_aliases |= is_alias
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise _too_deep(event)
        node = super().compose_node(parent, index)
        self._nesting -= 1
        if node is None:
            return None
        if not is_alias:
            self._measures[id(node)] = self._measure(node, event)
        elif id(node) not in self._measures:
            anchor = getattr(event, "anchor", "")
            raise _refused(event, f"alias *{anchor} stands inside its own value; remove it")
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of `node`.

        Raises:
            RefusedError: there is no such value, for example a 13th month.
        """
        try:
            value = super().construct_object(node, deep=deep)
        except (yaml.YAMLError, RecursionError):
            raise
        # Which error PyYAML's constructors raise depends on the type: a `!!bool x` is a KeyError.
        except Exception as error:
            if isinstance(node, yaml.ScalarNode) and len(node.value) > _MAX_BITS:
                raise _impossible(node, "it is too long") from error
            raise _impossible(node, str(error)) from error
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            raise _impossible(node, "the number is too large")
        return value

    def _measure(self, node: yaml.Node, event: yaml.Event) -> tuple[int, int]:
        """Return the number of values in `node` and its levels of nesting, aliases expanded."""
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        inner = [self._measures[id(child)] for child in children]
        size = 1 + sum(size for size, _ in inner)
        levels = 1 + max((levels for _, levels in inner), default=0)
        if levels > _MAX_NESTING:
            raise _too_deep(event)
        if self._has_aliases and size > _MAX_EXPANSION:
            text = f"its aliases stand for more than {_MAX_EXPANSION} values; write fewer"
            raise _refused(event, text)
        return size, levels


def _too_deep(event: yaml.Event) -> RefusedError:
    return _refused(event, f"is nested in more than {_MAX_NESTING} levels; write it flatter")


def _refused(event: yaml.Event, text: str) -> RefusedError:
    return RefusedError(None, None, text, event.start_mark)  # type: ignore[arg-type]


def _impossible(node: yaml.Node, reason: str) -> RefusedError:
    kind = str(node.tag).rpartition(":")[2]
    text = str(node.value)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return RefusedError(
        None,
        None,
        f"{shown} is not a possible {kind} ({reason}); correct it, or put quotes around it",
        node.start_mark,
    )
