"""Request bodies that describe a toxic: parsing and validation, in the order of Toxiproxy.

The order decides which error a client sees: stream, type, taken name, attributes, and then the
checks that Toxiproxy does not make.
"""

import math
from typing import Any, Final, NamedTuple

from harness.proxy._errors import BAD_BODY, BAD_STREAM, BAD_TYPE, ApiError
from harness.proxy._gojson import Fields, GoStruct, JsonObject, decode, fields_of
from harness.proxy._toxic_collection import ToxicCollection
from harness.proxy._toxic_wrapper import DOWNSTREAM, UPSTREAM, ToxicWrapper
from harness.proxy.toxics import TOXIC_TYPES, Toxic, ToxicError

_TOXIC_STRUCT: Final = GoStruct(
    "toxics.ToxicWrapper",
    "ToxicWrapper",
    {
        "attributes": "{}toxics.NoopToxic",
        "name": "string",
        "type": "string",
        "stream": "string",
        "toxicity": "float32",
        "expires_in": "float64",
    },
)
_UPDATE_TYPE: Final = (
    'struct { Attributes interface {} "json:\\"attributes\\""; '
    'Toxicity float32 "json:\\"toxicity\\"" }'
)
"""Go's name of the anonymous struct that Toxiproxy decodes an update into."""
MAX_LEASE_S: Final = 10.0**9


class ToxicRequest:
    """A parsed request to add a toxic to a proxy.

    Raises:
        ApiError: The stream or the type is unknown.
    """

    def __init__(self, fields: Fields) -> None:
        self.stream: str = fields.get("stream", DOWNSTREAM)
        self.type_name: str = fields.get("type", "")
        self.toxicity: float = fields.get("toxicity", 1.0)
        self.expires_in: float | None = fields.get("expires_in")
        if self.stream.lower() not in {UPSTREAM, DOWNSTREAM}:
            raise ApiError(BAD_STREAM)
        self.name: str = fields.get("name") or f"{self.type_name}_{self.stream}"
        if self.type_name not in TOXIC_TYPES:
            raise ApiError(BAD_TYPE)
        self._attributes = fields.get("attributes")
        self.toxic: Toxic = TOXIC_TYPES[self.type_name]()

    def read_attributes(self) -> "ToxicRequest":
        """Read and validate the attributes, which Toxiproxy does last; return the request."""
        self.toxic = _with_attributes(self.toxic, self._attributes)
        _check_stream(self.toxic, self.stream)
        _check_toxicity(self.toxicity)
        check_lease(self.expires_in)
        return self

    def add_to(self, toxics: ToxicCollection) -> ToxicWrapper:
        """Add the toxic to a proxy's toxics."""
        return toxics.add(
            name=self.name, stream=self.stream, toxicity=self.toxicity, toxic=self.toxic,
            expires_in=self.expires_in,
        )  # fmt: skip


class ToxicUpdate(NamedTuple):
    """A validated change to a toxic; what the client did not give has its present value."""

    toxic: Toxic
    toxicity: float
    expires_in: float | None
    """Lease in wall-clock seconds; None keeps the present one."""


def read_toxic(body: bytes, present: ToxicCollection) -> ToxicRequest:
    """Read a toxic that is to be added to `present`.

    Of a toxic whose name is taken, the attributes are not read, because Toxiproxy reports the
    taken name first.
    """
    request = ToxicRequest(decode(body, _TOXIC_STRUCT))
    return request if request.name in present else request.read_attributes()


def read_toxic_list(entries: list[Any]) -> list[ToxicRequest]:
    """Read the parsed `toxics` list of a populated proxy.

    Raises:
        ApiError: An entry is invalid, or two have the same name.
    """
    requests = [
        ToxicRequest(fields_of(entry, _TOXIC_STRUCT)).read_attributes() for entry in entries
    ]
    names: set[str] = set()
    for request in requests:
        if request.name in names:
            raise ApiError(BAD_BODY, f"two toxics are named {request.name}: names must differ")
        names.add(request.name)
    return requests


def read_toxic_update(body: bytes, wrapper: ToxicWrapper) -> ToxicUpdate:
    """Read and validate a change to a toxic, without applying it."""
    struct_type = GoStruct(_UPDATE_TYPE, "", {
        "attributes": f"{{}}toxics.{_go_name(wrapper.toxic)}", "toxicity": "float32",
        "expires_in": "float64",
    })  # fmt: skip
    fields = decode(body, struct_type)
    update = ToxicUpdate(
        toxic=_with_attributes(wrapper.toxic, fields.get("attributes")),
        toxicity=fields.get("toxicity", wrapper.toxicity),
        expires_in=fields.get("expires_in"),
    )
    _check_stream(update.toxic, wrapper.direction)
    _check_toxicity(update.toxicity)
    check_lease(update.expires_in)
    return update


def check_lease(seconds: float | None) -> None:
    """Raise ApiError unless `expires_in` is None or a number of seconds that can be waited for."""
    if seconds is not None and not (0 < seconds <= MAX_LEASE_S and math.isfinite(seconds)):
        raise ApiError(
            BAD_BODY, f"expires_in must be more than 0 and at most {MAX_LEASE_S:.0f} "
            f"seconds, not {seconds:g}",
        )  # fmt: skip


def _with_attributes(toxic: Toxic, attributes: Any) -> Toxic:
    """Return a copy of the toxic with the given attributes changed."""
    go_types = {int: "int64", float: "float64", bool: "bool", str: "string"}
    fields = {
        name: go_types.get(type_, "map[string]string") for name, type_ in toxic.attributes.items()
    }
    if toxic.type_name == "slicer":
        fields = dict.fromkeys(fields, "int")  # as Toxiproxy declares them; errors name the type
    struct_type = GoStruct("", f"{_go_name(toxic)}.attributes", fields)
    changes = fields_of(attributes, struct_type) if isinstance(attributes, JsonObject) else {}
    try:
        return toxic.copy(changes)
    except ToxicError as error:
        raise ApiError(BAD_BODY, str(error)) from None


def _go_name(toxic: Toxic) -> str:
    return f"{type(toxic).__name__}Toxic"


def _check_stream(toxic: Toxic, stream: str) -> None:
    try:
        toxic.validate_stream(stream.lower())
    except ToxicError as error:
        raise ApiError(BAD_BODY, str(error)) from None


def _check_toxicity(toxicity: float) -> None:
    if not 0 <= toxicity <= 1:
        raise ApiError(BAD_BODY, f"toxicity must be from 0 to 1, not {toxicity:g}")
