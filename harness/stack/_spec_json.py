"""The description of a stack as JSON: for the evidence, and to attach to a detached stack."""

from functools import cache
from typing import TYPE_CHECKING

from ._spec import StackSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter


@cache
def _adapter() -> "TypeAdapter[StackSpec]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - slow, see `read_stack`

    return TypeAdapter(StackSpec)


def spec_to_json(spec: StackSpec) -> bytes:
    """Return `spec` as indented JSON."""
    return _adapter().dump_json(spec, indent=2)


def spec_from_json(text: bytes) -> StackSpec:
    """Return the description that `spec_to_json` wrote.

    Raises:
        ValueError: `text` is not such a description.
    """
    return _adapter().validate_json(text)
