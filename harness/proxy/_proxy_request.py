"""Request bodies that describe proxies: parsing and validation, in the order of Toxiproxy."""

from typing import Any, Final

from harness.proxy._errors import BAD_BODY, MISSING_FIELD, ApiError
from harness.proxy._gojson import (
    DecodeError,
    Fields,
    GoStruct,
    JsonObject,
    decode,
    fields_of,
    json_type,
    parse,
)
from harness.proxy._proxy import Proxy
from harness.proxy._server_context import ServerContext
from harness.proxy._toxic_request import ToxicRequest, check_lease, read_toxic_list

_PROXY_FIELDS: Final = {
    "name": "string",
    "listen": "string",
    "upstream": "string",
    "enabled": "bool",
    "Logger": "{}zerolog.Logger",
    # Extensions, which Toxiproxy does not have:
    "half_close": "bool",
    "max_connections": "int64",
    "expires_in": "float64",
}
_PROXY_STRUCT: Final = GoStruct("toxiproxy.Proxy", "Proxy", _PROXY_FIELDS)
_ENTRY_TYPE: Final = 'struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
"""Go's name of the anonymous struct that Toxiproxy decodes an entry of `/populate` into."""
_ENTRY_STRUCT: Final = GoStruct(_ENTRY_TYPE, ".Proxy", {**_PROXY_FIELDS, "toxics": "any"})


class ProxyRequest:
    """The parsed settings of a new proxy, or of a change to an existing one.

    Args:
        fields: The fields that the client gave.
        present: The proxy to change; its values stand in for fields that were not given.

    Raises:
        ApiError: A field of an extension is invalid.
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
        self.toxics: list[ToxicRequest] | None = None
        if self.max_connections < 0:
            raise ApiError(
                BAD_BODY, f"max_connections must be 0 (no limit) or more, "
                f"not {self.max_connections}",
            )  # fmt: skip

    def check_required_fields(self, suffix: str = "") -> None:
        """Raise ApiError, its message ending in `suffix`, if name or upstream is missing."""
        for field in ("name", "upstream"):
            if not getattr(self, field):
                raise ApiError(MISSING_FIELD, field + suffix)

    def create_proxy(self, context: ServerContext) -> Proxy:
        """Create the proxy, not yet listening and without toxics."""
        return Proxy(
            context, name=self.name, listen=self.listen, upstream=self.upstream,
            half_close=self.half_close, max_connections=self.max_connections,
        )  # fmt: skip

    def replace_toxics(self, proxy: Proxy) -> None:
        """Replace the proxy's toxics by the requested ones; keep them if none are requested."""
        if self.toxics is not None:
            proxy.toxics.clear()
            for toxic in self.toxics:
                toxic.add_to(proxy.toxics)


def read_proxy(body: bytes, present: Proxy | None = None) -> ProxyRequest:
    """Read a proxy that is to be created, or a change to the present one."""
    request = ProxyRequest(decode(body, _PROXY_STRUCT), present)
    if present is None:
        request.check_required_fields()
    return request


def read_populate(body: bytes) -> list[ProxyRequest]:
    """Read the list of proxies of `/populate` or of a config file; all entries are validated."""
    value = parse(body)
    if value is None:
        return []
    if json_type(value) != "array":
        raise DecodeError(
            f"json: cannot unmarshal {json_type(value)} into Go value of type []{_ENTRY_TYPE}"
        )
    entries = [_entry_fields(entry) for entry in value]
    requests = []
    for number, fields in enumerate(entries, 1):
        request = ProxyRequest(fields)
        request.check_required_fields(f" at proxy {number}")
        # Toxiproxy ignores `toxics`, whatever its type, so anything but a list is ignored here
        # too. An empty list is ignored because some clients send one with every proxy.
        toxics = fields.get("toxics")
        if isinstance(toxics, list) and toxics and not isinstance(toxics, JsonObject):
            request.toxics = read_toxic_list(toxics)
        requests.append(request)
    return requests


def _entry_fields(entry: Any) -> Fields:
    try:
        return fields_of(entry, _ENTRY_STRUCT)
    except DecodeError as error:
        # In Go, `enabled` is a field of the outer, anonymous struct.
        raise DecodeError(str(error).replace(" .Proxy.enabled ", " .enabled ")) from None
