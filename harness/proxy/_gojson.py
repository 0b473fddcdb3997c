"""JSON as Go's encoding/json reads and writes it, error texts included.

Toxiproxy's clients depend on these rules: keys match case-insensitively, unknown keys are
ignored, `null` keeps the default, anything after the first value is ignored, an int64 field
rejects `1.5` and `1e3`, and an error names a wrong type by Go's name for it. Clients show these
errors to their users, so the texts are the same as upstream's (measured on Toxiproxy 2.12.0).

    values = decode(body, PROXY)        the fields present, by name; raises DecodeError
    encode({"toxicity": 1.0})           b'{"toxicity":1}'
"""

import json
import struct
from typing import Any, Final, NoReturn

from harness.proxy._goscan import syntax_error

_SPACE: Final = " \t\r\n"
_ESCAPES: Final = {
    ord("<"): r"\u003c", ord(">"): r"\u003e", ord("&"): r"\u0026",
    0x2028: r"\u2028", 0x2029: r"\u2029",
}  # fmt: skip

Fields = dict[str, Any]


MAX_SCANNED_BYTES: Final = 64 * 1024
"""Longest invalid body, in bytes, that is scanned for Go's error text.

Scanning a longer one takes too long, so its error text is that of Python's parser.
"""


class DecodeError(Exception):
    """The body is not valid JSON or has the wrong types; the text is Go's error text."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at
        """Byte offset of the error, None if it is unknown."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object as (key, value) pairs in document order, duplicate keys included."""


class Literal(str):
    """A JSON number as the text in the document, so that `1.0` and `1` stay distinct."""

    __slots__ = ()


class Struct:
    """A Go struct that a JSON object is decoded into.

    Args:
        type_name: The struct's name in errors about the whole value.
        field_prefix: The prefix of a field's name in errors about one field.
        fields: The Go type of each field, by JSON name. A nested struct's type starts with `{}`.
    """

    def __init__(self, type_name: str, field_prefix: str, fields: dict[str, str]) -> None:
        self.type_name = type_name
        self.field_prefix = field_prefix
        self.fields = fields


def parse(body: bytes) -> Any:
    """Return the first JSON value of a body.

    Raises:
        DecodeError: The body is empty or not valid JSON.
    """
    text = body.decode("utf-8", "replace").lstrip(_SPACE)
    if not text:
        raise DecodeError("EOF")
    try:
        value, end = _DECODER.raw_decode(text)
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    except ValueError as error:
        if len(body) > MAX_SCANNED_BYTES:
            raise DecodeError(f"invalid JSON: {error}", getattr(error, "pos", None)) from None
        raise DecodeError(*syntax_error(body)) from None
    if isinstance(value, Literal) and text[end : end + 1] in {".", "e", "E"}:
        # A truncated number such as `1.` or `1e`, of which Python's parser accepts the `1`.
        raise DecodeError(*syntax_error(body))
    return value


def decode(body: bytes, go_struct: Struct) -> Fields:
    """Parse a body that must hold a JSON object; return its known fields that are not null.

    Raises:
        DecodeError: The body is not valid JSON, not an object, or a field has the wrong type.
    """
    return fields_of(parse(body), go_struct)


def fields_of(value: Any, go_struct: Struct) -> Fields:
    """Return the known, non-null fields of a parsed object, converted to their Go types.

    Raises:
        DecodeError: The value is not an object, or a field has the wrong type.
    """
    if value is None:
        return {}
    if not isinstance(value, Pairs):
        raise DecodeError(f"json: cannot unmarshal {kind_of(value)} into Go value of type "
                          f"{go_struct.type_name}")  # fmt: skip
    decoded: Fields = {}
    first_error: DecodeError | None = None
    by_lower_name = {name.lower(): name for name in go_struct.fields}
    for key, entry in value:
        name = key if key in go_struct.fields else by_lower_name.get(key.lower())
        if name is None or entry is None:
            continue
        try:
            decoded[name] = _convert(
                entry, go_struct.fields[name], f"{go_struct.field_prefix}.{name}"
            )
        except DecodeError as error:
            first_error = first_error or error  # Go reports the first error only
    if first_error is not None:
        raise first_error
    return decoded


def kind_of(value: Any) -> str:
    """Return Go's name for the JSON type of a parsed value, as its error texts use it."""
    if isinstance(value, Pairs):
        return "object"
    if isinstance(value, Literal):
        return "number"
    return {bool: "bool", str: "string", list: "array"}.get(type(value), "null")


def _convert(value: Any, go_type: str, field_name: str) -> Any:
    kind = kind_of(value)
    if go_type == "any":
        return value
    if go_type == "string" and kind == "string":
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if go_type == "bool" and kind == "bool":
        return value
    if go_type in {"int64", "int", "float32", "float64"} and kind == "number":
        number = _number(value, go_type)
        if number is not None:
            return number
        kind = f"number {value}"
    if go_type == "map[string]string" and kind == "object":
        return {
            key: _convert(entry, "string", field_name) for key, entry in value if entry is not None
        }
    if go_type.startswith("{}") and kind == "object":
        return value
    raise DecodeError(f"json: cannot unmarshal {kind} into Go struct field {field_name} of type "
                      f"{go_type.removeprefix('{}')}")  # fmt: skip


def _number(literal: str, go_type: str) -> int | float | None:
    if go_type.startswith("int"):
        if not literal.lstrip("-").isdigit() or len(literal) > 20:
            return None
        integer = int(literal)
        return integer if -(2**63) <= integer < 2**63 else None
    value = float(literal)
    if go_type == "float32":
        try:
            rounded: float = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            return None
        value = rounded
    return value if abs(value) != float("inf") else None


def encode(value: Any) -> bytes:
    """Return a value as compact JSON, with the escapes and number formats of Go's encoder."""
    return _text(value).encode("utf-8", "replace")


def encode_list(value: list[dict[str, Any]]) -> bytes:
    """Encode a list of objects like `encode`, but several times faster.

    Floats are written as Python writes them, so use it only for lists without float32 fields.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for code, escape in _ESCAPES.items():
        text = text.replace(chr(code), escape)
    return text.encode("utf-8", "replace")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(str(k))}:{_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
    return json.dumps(value)


def _float_text(value: float) -> str:
    """Return the shortest text that reads back as the same float32."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    single = struct.pack("f", value)
    if struct.unpack("f", single)[0] != value:
        return repr(value)  # a float64 value that no float32 field can hold
    text = next(
        (t for p in range(1, 9) if struct.pack("f", float(t := f"{value:.{p}g}")) == single),
        f"{value:.9g}",
    )
    mantissa, exponent, power = text.partition("e")
    if not exponent:
        return text
    if int(power) >= -6:
        return f"{value:.{len(mantissa.replace('.', '')) - 1 - int(power)}f}"
    return f"{mantissa}e{int(power)}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python accepts


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Pairs,
    parse_int=Literal,
    parse_float=Literal,
    parse_constant=_no_constant,
)
