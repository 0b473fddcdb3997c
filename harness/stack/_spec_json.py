"""A stack's description as JSON: for the evidence folder, and for whoever takes a stack over."""

from pydantic import TypeAdapter

from ._spec import StackSpec

_adapter = TypeAdapter(StackSpec)


def spec_to_json(spec: StackSpec) -> bytes:
    """`spec` as indented JSON."""
    return _adapter.dump_json(spec, indent=2)


def spec_from_json(text: bytes) -> StackSpec:
    """What `spec_to_json` wrote.

    Raises:
        ValueError: `text` is something else.
    """
    return _adapter.validate_json(text)
