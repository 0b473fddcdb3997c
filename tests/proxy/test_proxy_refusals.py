"""The embedded server rejects inputs that crash Toxiproxy or mean nothing, and changes nothing."""

from typing import Any

import pytest
from proxy_kit import Server

INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("slicer", {}, "average_size must be from 1 to"),
    ("slicer", {"average_size": 0}, "average_size must be from 1 to"),
    ("slicer", {"average_size": -1}, "average_size must be from 1 to"),
    ("slicer", {"average_size": 5, "size_variation": 6}, "size_variation must be at most"),
    ("slicer", {"average_size": 5, "size_variation": -1}, "size_variation must be from 0"),
    ("bandwidth", {"rate": -1}, "rate must be from 0"),
    ("latency", {"jitter": 2**63 - 1}, "jitter must be from 0"),
    ("latency", {"latency": 2**63 - 1}, "latency must be from 0"),
    ("latency", {"latency": -1}, "latency must be from 0"),
    ("timeout", {"timeout": -1}, "timeout must be from 0"),
    ("reset_peer", {"timeout": -1}, "timeout must be from 0"),
    ("slow_close", {"delay": -1}, "delay must be from 0"),
    ("limit_data", {"bytes": -1}, "bytes must be from 0"),
]


@pytest.mark.parametrize(("toxic_type", "attributes", "message"), INVALID)
def test_inputs_that_crash_toxiproxy_are_rejected_with_a_message(
    embedded: Server, toxic_type: str, attributes: dict[str, Any], message: str
) -> None:
    proxy = embedded.proxy(1)
    rejected = [proxy.add(toxic_type, expect=400, **attributes)]
    toxic = {"type": toxic_type, "attributes": attributes}
    entry = {"name": "q", "upstream": "x", "toxics": [toxic]}
    rejected.append(embedded.call("POST", "/populate", [entry]))
    assert proxy.toxics() == []
    valid = {"average_size": 1} if toxic_type == "slicer" else {}
    before = proxy.add(toxic_type, name="t", **valid).json
    if attributes:
        rejected.append(proxy.update("t", {"attributes": attributes}, expect=400))
    assert proxy.toxics() == [before]
    assert {response.status for response in rejected} == {400}
    assert all(message in response.json["error"] for response in rejected)
    assert list(embedded.call("GET", "/proxies").json) == ["p"]


@pytest.mark.parametrize("toxicity", [-0.1, 1.1, 2.5])
def test_a_toxicity_outside_0_to_1_is_rejected(embedded: Server, toxicity: float) -> None:
    proxy = embedded.proxy(1)
    error = proxy.add("noop", expect=400, toxicity=toxicity).json["error"]
    assert error == f"bad request body: toxicity must be from 0 to 1, not {toxicity}"
    proxy.add("noop", name="n")
    proxy.update("n", {"toxicity": toxicity}, expect=400)


def test_a_rejected_update_changes_nothing(embedded: Server) -> None:
    proxy = embedded.proxy(1)
    proxy.add("latency", name="l", latency=1, jitter=1)
    proxy.update("l", {"attributes": {"jitter": "x", "latency": 5}}, expect=400)
    proxy.update("l", {"attributes": {"jitter": -5, "latency": 5}}, expect=400)
    proxy.update("l", {"attributes": {"latency": 5}, "toxicity": 7}, expect=400)
    assert proxy.toxics()[0]["attributes"] == {"latency": 1, "jitter": 1}
