"""Invalid inputs, some of which crash Toxiproxy, are refused and change nothing."""

from typing import Any

import pytest
from proxy_kit import Server

CRASHING_INPUTS: list[tuple[str, dict[str, Any], str]] = [
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


@pytest.mark.parametrize(("type_name", "attributes", "message"), CRASHING_INPUTS)
def test_inputs_that_crash_toxiproxy_are_refused_with_an_explanation(
    embedded: Server, type_name: str, attributes: dict[str, Any], message: str
) -> None:
    proxy = embedded.proxy(1)
    refused = [proxy.add(type_name, expect=400, **attributes)]
    entry = {
        "name": "q",
        "upstream": "x",
        "toxics": [{"type": type_name, "attributes": attributes}],
    }
    refused.append(embedded.call("POST", "/populate", [entry]))
    assert proxy.toxics() == []
    harmless = {"average_size": 1} if type_name == "slicer" else {}
    before = proxy.add(type_name, name="t", **harmless).json
    if attributes:
        refused.append(proxy.update("t", {"attributes": attributes}, expect=400))
    assert proxy.toxics() == [before]
    assert {answer.status for answer in refused} == {400}
    assert all(message in answer.json["error"] for answer in refused)
    assert list(embedded.call("GET", "/proxies").json) == ["p"]


@pytest.mark.parametrize("toxicity", [-0.1, 1.1, 2.5])
def test_a_toxicity_outside_0_to_1_is_refused(embedded: Server, toxicity: float) -> None:
    proxy = embedded.proxy(1)
    error = proxy.add("noop", expect=400, toxicity=toxicity).json["error"]
    assert error == f"bad request body: toxicity must be from 0 to 1, not {toxicity}"
    proxy.add("noop", name="n")
    proxy.update("n", {"toxicity": toxicity}, expect=400)


def test_a_refused_update_changes_nothing(embedded: Server) -> None:
    proxy = embedded.proxy(1)
    proxy.add("latency", name="l", latency=1, jitter=1)
    proxy.update("l", {"attributes": {"jitter": "x", "latency": 5}}, expect=400)
    proxy.update("l", {"attributes": {"jitter": -5, "latency": 5}}, expect=400)
    proxy.update("l", {"attributes": {"latency": 5}, "toxicity": 7}, expect=400)
    assert proxy.toxics()[0]["attributes"] == {"latency": 1, "jitter": 1}
