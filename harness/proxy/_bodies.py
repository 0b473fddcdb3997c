"""Parse request bodies: proxies, toxics, and lists of proxies.

Checks run in the order of upstream Toxiproxy, so that a body with several errors gets the same
error message.
"""

import math
from typing import Any, Final

from harness.proxy._errors import BAD_BODY, BAD_STREAM, BAD_TYPE, MISSING_FIELD, ApiError
from harness.proxy._gojson import (
    DecodeError,
    Fields,
    Pairs,
    Struct,
    decode,
    fields_of,
    kind_of,
    parse,
)
from harness.proxy._placement import DOWNSTREAM, UPSTREAM, Placement
from harness.proxy._proxy import Proxy, World
from harness.proxy.toxics import TOXIC_TYPES, Toxic, ToxicError

_PROXY_FIELDS: Final = {
    "name": "string",
    "listen": "string",
    "upstream": "string",
    "enabled": "bool",
    "Logger": "{}zerolog.Logger",
    # Fields that upstream Toxiproxy does not have:
    "half_close": "bool",
    "max_connections": "int64",
    "expires_in": "float64",
}
PROXY: Final = Struct("toxiproxy.Proxy", "Proxy", _PROXY_FIELDS)
_ENTRY: Final = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
ENTRY: Final = Struct(_ENTRY, ".Proxy", {**_PROXY_FIELDS, "toxics": "any"})
_TOXIC_FIELDS: Final = {
    "attributes": "{}toxics.NoopToxic",
    "name": "string",
    "type": "string",
    "stream": "string",
    "toxicity": "float32",
    "expires_in": "float64",
}
TOXIC: Final = Struct("toxics.ToxicWrapper", "ToxicWrapper", _TOXIC_FIELDS)
_UPDATE: Final = (
    'struct { Attributes interface {} "json:\\"attributes\\""; '
    'Toxicity float32 "json:\\"toxicity\\"" }'
)
LONGEST_LEASE_S: Final = 10.0**9
"""The upper limit of `expires_in`, in wall-clock seconds."""


class WantedToxic:
    """The toxic that a request asks for.

    Raises:
        ApiError: The stream or the type is invalid. `finish` checks the other fields.
    """

    def __init__(self, fields: Fields) -> None:
        self.stream: str = fields.get("stream", DOWNSTREAM)
        self.kind: str = fields.get("type", "")
        self.toxicity: float = fields.get("toxicity", 1.0)
        self.expires_in: float | None = fields.get("expires_in")
        if self.stream.lower() not in {UPSTREAM, DOWNSTREAM}:
            raise ApiError(BAD_STREAM)
        self.name: str = fields.get("name") or f"{self.kind}_{self.stream}"
        if self.kind not in TOXIC_TYPES:
            raise ApiError(BAD_TYPE)
        self._attributes = fields.get("attributes")
        self.toxic: Toxic = TOXIC_TYPES[self.kind]()

    def finish(self) -> "WantedToxic":
        """Parse and check the attributes, the toxicity and the lease; return this object.

        Upstream Toxiproxy also reads the attributes last.

        Raises:
            ApiError: A value is invalid.
        """
        self.toxic = read_attributes(self._attributes, self.toxic)
        check_stream(self.toxic, self.stream)
        check_toxicity(self.toxicity)
        check_lease(self.expires_in)
        return self

    def place(self, proxy: Proxy) -> Placement:
        """Add the toxic to a proxy and return its placement."""
        return proxy.add_toxic(
            name=self.name, stream=self.stream, toxicity=self.toxicity, toxic=self.toxic,
            expires_in=self.expires_in,
        )  # fmt: skip


class WantedProxy:
    """The proxy that a request asks for.

    Args:
        fields: The fields of the request body.
        present: The proxy to be changed, which supplies the fields that are missing. None for a
            new proxy.

    Raises:
        ApiError: `expires_in` or `max_connections` is invalid.
    """

    def __init__(self, fields: Fields, present: Proxy | None = None) -> None:
        def given(name: str, default: Any) -> Any:
            return fields.get(name, default if present is None else getattr(present, name))

        self.name: str = fields.get("name", "")
        self.listen: str = given("listen", "")
        self.upstream: str = given("upstream", "")
        self.enabled: bool = given("enabled", True)
        self.half_close: bool = given("half_close", False)
        self.max_connections: int = given("max_connections", 0)
        self.expires_in: float | None = fields.get("expires_in")
        check_lease(self.expires_in)
        if self.enabled and self.expires_in is not None:
            raise ApiError(
                BAD_BODY,
                "expires_in needs enabled to be false: it is how long the proxy stays disabled",
            )
        self.toxics: list[WantedToxic] | None = None
        if self.max_connections < 0:
            raise ApiError(
                BAD_BODY, f"max_connections must be 0 (no limit) or more, "
                f"not {self.max_connections}",
            )  # fmt: skip

    def check_named(self, place: str = "") -> None:
        """Raise ApiError if the name or the upstream is missing.

        `place` is appended to the field's name in the error message.
        """
        for field in ("name", "upstream"):
            if not getattr(self, field):
                raise ApiError(MISSING_FIELD, field + place)

    def build(self, world: World) -> Proxy:
        """Return a new proxy with these settings. It does not listen yet and has no toxics.

        `apply_toxics` adds the toxics.
        """
        return Proxy(
            world, name=self.name, listen=self.listen, upstream=self.upstream,
            half_close=self.half_close, max_connections=self.max_connections,
        )  # fmt: skip

    def apply_toxics(self, proxy: Proxy) -> None:
        """Replace the proxy's toxics with the requested ones, if the request has any."""
        if self.toxics is not None:
            proxy.remove_all_toxics()
            for toxic in self.toxics:
                toxic.place(proxy)


def read_proxy(body: bytes, present: Proxy | None = None) -> WantedProxy:
    """Parse the body that creates a proxy, or the one that changes the proxy `present`.

    Raises:
        ApiError, DecodeError: The body is invalid.
    """
    wanted = WantedProxy(decode(body, PROXY), present)
    if present is None:
        wanted.check_named()
    return wanted


def read_populate(body: bytes) -> list[WantedProxy]:
    """Parse the list of proxies of a populate request.

    All entries are checked here, before the caller creates the first proxy.

    Raises:
        ApiError, DecodeError: The body is invalid.
    """
    value = parse(body)
    if value is None:
        return []
    if kind_of(value) != "array":
        raise DecodeError(
            f"json: cannot unmarshal {kind_of(value)} into Go value of type []{_ENTRY}"
        )
    entries = [_entry_fields(entry) for entry in value]
    wanted = []
    for number, fields in enumerate(entries, 1):
        proxy = WantedProxy(fields)
        proxy.check_named(f" at proxy {number}")
        # Upstream Toxiproxy ignores `toxics`, whatever its type. Here a list of toxics is used and
        # everything else is ignored, too.
        toxics = fields.get("toxics")
        # An empty list is ignored as well: some clients send one with every proxy.
        if isinstance(toxics, list) and toxics and not isinstance(toxics, Pairs):
            proxy.toxics = _read_toxics(toxics)
        wanted.append(proxy)
    return wanted


def _entry_fields(entry: Any) -> Fields:
    try:
        return fields_of(entry, ENTRY)
    except DecodeError as error:
        # In Toxiproxy `enabled` is a field of the outer, anonymous struct.
        raise DecodeError(str(error).replace(" .Proxy.enabled ", " .enabled ")) from None


def _read_toxics(entries: list[Any]) -> list[WantedToxic]:
    toxics = [WantedToxic(fields_of(entry, TOXIC)).finish() for entry in entries]
    taken: set[str] = set()
    for toxic in toxics:
        if toxic.name in taken:
            raise ApiError(BAD_BODY, f"two toxics are named {toxic.name}: names must differ")
        taken.add(toxic.name)
    return toxics


def read_toxic(body: bytes, proxy: Proxy) -> WantedToxic:
    """Parse the body that adds a toxic to a proxy.

    If the name is taken the attributes are not checked: the caller reports the name, as upstream
    Toxiproxy does.

    Raises:
        ApiError, DecodeError: The body is invalid.
    """
    wanted = WantedToxic(decode(body, TOXIC))
    return wanted if proxy.has_toxic(wanted.name) else wanted.finish()


def read_toxic_update(body: bytes, placement: Placement) -> tuple[Toxic, float, float | None]:
    """Parse the body that updates a toxic; the toxic itself is not changed.

    Returns:
        A toxic with the new attributes, the toxicity, and `expires_in` in wall-clock seconds.

    Raises:
        ApiError, DecodeError: The body is invalid.
    """
    go_name = _go_name(placement.toxic)
    form = Struct(_UPDATE, "", {
        "attributes": f"{{}}toxics.{go_name}", "toxicity": "float32", "expires_in": "float64",
    })  # fmt: skip
    fields = decode(body, form)
    toxic = read_attributes(fields.get("attributes"), placement.toxic)
    toxicity = fields.get("toxicity", placement.toxicity)
    expires_in = fields.get("expires_in")
    check_stream(toxic, placement.direction)
    check_toxicity(toxicity)
    check_lease(expires_in)
    return toxic, toxicity, expires_in


def read_attributes(value: Any, toxic: Toxic) -> Toxic:
    """Return a copy of the toxic with the attributes in `value` changed.

    Raises:
        ApiError, DecodeError: An attribute is invalid.
    """
    go_types = {int: "int64", float: "float64", bool: "bool", str: "string"}
    fields = {
        name: go_types.get(type_, "map[string]string") for name, type_ in toxic.attributes.items()
    }
    if toxic.kind == "slicer":
        fields = dict.fromkeys(fields, "int")
    form = Struct("", f"{_go_name(toxic)}.attributes", fields)
    changes = fields_of(value, form) if isinstance(value, Pairs) else {}
    try:
        return toxic.copy(changes)
    except ToxicError as error:
        raise ApiError(BAD_BODY, str(error)) from None


def _go_name(toxic: Toxic) -> str:
    return f"{type(toxic).__name__}Toxic"


def check_stream(toxic: Toxic, stream: str) -> None:
    """Raise ApiError if the toxic cannot be used on this stream."""
    try:
        toxic.check_stream(stream.lower())
    except ToxicError as error:
        raise ApiError(BAD_BODY, str(error)) from None


def check_toxicity(toxicity: float) -> None:
    """Raise ApiError if the toxicity is not a probability."""
    if not 0 <= toxicity <= 1:
        raise ApiError(BAD_BODY, f"toxicity must be from 0 to 1, not {toxicity:g}")


def check_lease(seconds: float | None) -> None:
    """Raise ApiError unless `expires_in` is None or in the allowed range.

    `seconds` are wall-clock seconds.
    """
    if seconds is not None and not (0 < seconds <= LONGEST_LEASE_S and math.isfinite(seconds)):
        raise ApiError(
            BAD_BODY, f"expires_in must be more than 0 and at most {LONGEST_LEASE_S:.0f} "
            f"seconds, not {seconds:g}",
        )  # fmt: skip
