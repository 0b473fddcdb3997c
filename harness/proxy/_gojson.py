"""JSON as Go's encoding/json reads and writes it, error texts included.

Toxiproxy's clients meet these rules without knowing: keys are matched whatever their case,
unknown ones are ignored, `null` keeps the default, whatever follows the first value is ignored,
an int64 takes no `1.5` and no `1e3`, and a wrong type is named by Go's words for it. Clients
show those words to people, so they are reproduced (measured on 2.12.0).

    values = decode(body, PROXY)        the given fields, by name; DecodeError says what is wrong
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


MOST_SCANNED: Final = 64 * 1024
"""Of a longer text, only Python's parser says where the fault is: scanning takes too long."""


class DecodeError(Exception):
    """The body is not what it should be; the text is Go's."""

    def __init__(self, problem: str, at: int | None = None) -> None:
        super().__init__(problem)
        self.at = at
        """At which byte, if it is known."""


class Pairs(list[tuple[str, Any]]):
    """A JSON object, its keys in order and perhaps given twice."""


class Literal(str):
    """A number as it was written."""

    __slots__ = ()


class Struct:
    """A Go struct: what it is called in errors, and the Go type of each field."""

    def __init__(self, whole: str, prefix: str, fields: dict[str, str]) -> None:
        self.whole = whole
        self.prefix = prefix
        self.fields = fields


def parse(body: bytes) -> Any:
    """Return the first JSON value of a body."""
    text = body.decode("utf-8", "replace").lstrip(_SPACE)
    if not text:
        raise DecodeError("EOF")
    try:
        value, end = _DECODER.raw_decode(text)
    except RecursionError:
        raise DecodeError("exceeded max depth") from None
    except ValueError as error:
        if len(body) > MOST_SCANNED:
            raise DecodeError(f"invalid JSON: {error}", getattr(error, "pos", None)) from None
        raise DecodeError(*syntax_error(body)) from None
    if isinstance(value, Literal) and text[end : end + 1] in {".", "e", "E"}:
        raise DecodeError(*syntax_error(body))  # a number cut short, which Python takes
    return value


def decode(body: bytes, form: Struct) -> Fields:
    """Take a body that should be an object, return the fields that are given and not null."""
    return fields_of(parse(body), form)


def fields_of(value: Any, form: Struct) -> Fields:
    """Take a parsed object, return its known fields, each checked for its type."""
    if value is None:
        return {}
    if not isinstance(value, Pairs):
        raise DecodeError(f"json: cannot unmarshal {kind_of(value)} into Go value of type "
                          f"{form.whole}")  # fmt: skip
    found: Fields = {}
    problem: DecodeError | None = None
    lowered = {name.lower(): name for name in form.fields}
    for key, entry in value:
        name = key if key in form.fields else lowered.get(key.lower())
        if name is None or entry is None:
            continue
        try:
            found[name] = _convert(entry, form.fields[name], f"{form.prefix}.{name}")
        except DecodeError as error:
            problem = problem or error  # as Go: the first one is told
    if problem is not None:
        raise problem
    return found


def kind_of(value: Any) -> str:
    """Return Go's word for a JSON type."""
    if isinstance(value, Pairs):
        return "object"
    if isinstance(value, Literal):
        return "number"
    return {bool: "bool", str: "string", list: "array"}.get(type(value), "null")


def _convert(value: Any, go_type: str, place: str) -> Any:
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
        return {key: _convert(entry, "string", place) for key, entry in value if entry is not None}
    if go_type.startswith("{}") and kind == "object":
        return value
    raise DecodeError(f"json: cannot unmarshal {kind} into Go struct field {place} of type "
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
    """Return compact JSON, escaped as Go escapes it."""
    return _text(value).encode("utf-8", "replace")


def encode_list(value: list[dict[str, Any]]) -> bytes:
    """Return the same for a long list without float32 fields, several times faster."""
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
    raise ValueError(name)  # NaN and Infinity, which Python takes


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Pairs,
    parse_int=Literal,
    parse_float=Literal,
    parse_constant=_no_constant,
)
