"""A stack's description as JSON: for the evidence folder, and for whoever takes a stack over."""

from functools import cache
from typing import TYPE_CHECKING

from ._spec import StackSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _adapter() -> "TypeAdapter[StackSpec]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - late, as in `read_stack`

    return TypeAdapter(StackSpec)


def spec_to_json(spec: StackSpec) -> bytes:
    """`spec` as indented JSON."""
    return _adapter().dump_json(spec, indent=2)


def spec_from_json(text: bytes) -> StackSpec:
    """What `spec_to_json` wrote.

    Raises:
        ValueError: `text` is something else.
    """
    return _adapter().validate_json(text)
