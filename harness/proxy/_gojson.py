"""JSON as Go's encoding/json reads and writes it, error texts included.

Toxiproxy's clients rely on these rules: keys are matched in any case, unknown keys are ignored,
`null` keeps the default, text after the first value is ignored, an int64 accepts neither `1.5`
nor `1e3`, and errors use Go's names of types. Clients show these errors to users, so they are
reproduced word for word (measured on 2.12.0).

    values = decode(body, struct_type)    # the given fields by name, or DecodeError
    encode({"toxicity": 1.0})             # b'{"toxicity":1}'
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
"""Faults in longer texts are described by Python's parser, because the scanner in Python that
finds Go's description would take too long."""


class DecodeError(Exception):
    """The body is not valid JSON, or not of the expected type; the message is Go's.

    Args:
        problem: The message.
        at: Offset of the faulty byte, if it is known.
    """

    def __init__(self, problem: str, at: int | None = None) -> None:
        super().__init__(problem)
        self.at = at


class JsonObject(list[tuple[str, Any]]):
    """A JSON object as (key, value) pairs, in order; a key may occur more than once."""


class NumberLiteral(str):
    """A JSON number as it is written in the text."""

    __slots__ = ()


class GoStruct:
    """A Go struct that a JSON object is decoded into.

    Args:
        go_type: Its name in errors about the whole value.
        field_prefix: Its name in errors about one field.
        fields: The Go type of each field by JSON key; a type that begins with `{}` takes any
            object.
    """

    def __init__(self, go_type: str, field_prefix: str, fields: dict[str, str]) -> None:
        self.go_type = go_type
        self.field_prefix = field_prefix
        self.fields = fields


def parse(body: bytes) -> Any:
    """Return the first JSON value of a body; raise DecodeError if it is not valid."""
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
    if isinstance(value, NumberLiteral) and text[end : end + 1] in {".", "e", "E"}:
        # An incomplete number such as `1.`, of which Python accepts the start.
        raise DecodeError(*syntax_error(body))
    return value


def decode(body: bytes, struct_type: GoStruct) -> Fields:
    """Parse a body that must be a JSON object; return its known fields that are not null.

    Raises:
        DecodeError: The body is not valid JSON, not an object, or a field has a wrong type.
    """
    return fields_of(parse(body), struct_type)


def fields_of(value: Any, struct_type: GoStruct) -> Fields:
    """Return the known fields of a parsed object that are not null, each checked for its type.

    Raises:
        DecodeError: The value is not an object, or a field has a wrong type.
    """
    if value is None:
        return {}
    if not isinstance(value, JsonObject):
        raise DecodeError(f"json: cannot unmarshal {json_type(value)} into Go value of type "
                          f"{struct_type.go_type}")  # fmt: skip
    found: Fields = {}
    problem: DecodeError | None = None
    lowered = {name.lower(): name for name in struct_type.fields}
    for key, entry in value:
        name = key if key in struct_type.fields else lowered.get(key.lower())
        if name is None or entry is None:
            continue
        try:
            found[name] = _convert(
                entry, struct_type.fields[name], f"{struct_type.field_prefix}.{name}"
            )
        except DecodeError as error:
            problem = problem or error  # Go reads on and reports the first one
    if problem is not None:
        raise problem
    return found


def json_type(value: Any) -> str:
    """Return Go's name of the JSON type of a parsed value."""
    if isinstance(value, JsonObject):
        return "object"
    if isinstance(value, NumberLiteral):
        return "number"
    return {bool: "bool", str: "string", list: "array"}.get(type(value), "null")


def _convert(value: Any, go_type: str, place: str) -> Any:
    found_type = json_type(value)
    if go_type == "any":
        return value
    if go_type == "string" and found_type == "string":
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if go_type == "bool" and found_type == "bool":
        return value
    if go_type in {"int64", "int", "float32", "float64"} and found_type == "number":
        number = _number(value, go_type)
        if number is not None:
            return number
        found_type = f"number {value}"
    if go_type == "map[string]string" and found_type == "object":
        return {key: _convert(entry, "string", place) for key, entry in value if entry is not None}
    if go_type.startswith("{}") and found_type == "object":
        return value
    raise DecodeError(f"json: cannot unmarshal {found_type} into Go struct field {place} of type "
                      f"{go_type.removeprefix('{}')}")  # fmt: skip


def _number(literal: str, go_type: str) -> int | float | None:
    if go_type.startswith("int"):
        if not literal.lstrip("-").isdigit() or len(literal) > 20:
            return None
        whole = int(literal)
        return whole if -(2**63) <= whole < 2**63 else None
    value = float(literal)
    if go_type == "float32":
        try:
            rounded: float = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            return None
        value = rounded
    return value if abs(value) != float("inf") else None


def encode(value: Any) -> bytes:
    """Return compact JSON with Go's escapes; floats are written as float32."""
    return _text(value).encode("utf-8", "replace")


def encode_list(value: list[dict[str, Any]]) -> bytes:
    """Return the same as `encode` for a list without float32 fields, several times faster."""
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
    """Return the shortest text that reads back as the same float32, in Go's notation."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    single = struct.pack("f", value)
    if struct.unpack("f", single)[0] != value:
        return repr(value)  # not one of Go's float32 fields
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
    raise ValueError(name)  # NaN and Infinity, which Python accepts by default


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=JsonObject,
    parse_int=NumberLiteral,
    parse_float=NumberLiteral,
    parse_constant=_no_constant,
)
