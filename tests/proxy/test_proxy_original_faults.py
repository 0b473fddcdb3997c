"""What docs/proxy.md says of the original's faults, shown on the original.

Each starts a real server of its own, because few of them live through it. When one of these
fails, the original has been mended, and the list of differences can become shorter.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from proxy_kit import Server, Upstream, ended, eventually, exchange, start_real

slow = pytest.mark.skipif(
    "toxiproxy" not in os.environ.get("HARNESS_REQUIRE", "").split(","),
    reason="takes 25 s: set HARNESS_REQUIRE=toxiproxy",
)


@pytest.fixture
def original(real_toxiproxy: str) -> Iterator[Server]:
    server = start_real(real_toxiproxy)
    yield server
    server.stop()


KILLERS: list[tuple[str, dict[str, Any]]] = [
    ("slicer", {}),
    ("slicer", {"average_size": 5, "size_variation": 500}),
    ("bandwidth", {"rate": -1}),
    ("latency", {"jitter": 2**63 - 1}),
]


@pytest.mark.parametrize(("kind", "attributes"), KILLERS)
def test_the_original_takes_it_and_ends_at_the_next_data(
    original: Server, echo: Upstream, kind: str, attributes: dict[str, Any]
) -> None:
    proxy = original.proxy(echo.port)
    proxy.add(kind, **attributes)

    def ended_by_data() -> bool:
        try:
            with proxy.connect() as client:
                client.sendall(bytes(3000))
                client.settimeout(0.05)
                client.recv(1)
        except OSError:
            pass
        return not original.alive()

    eventually(ended_by_data, "the end of the original")


def test_the_seed_of_the_original_does_nothing(real_toxiproxy: str, echo: Upstream) -> None:
    outcomes = set()
    for _ in range(2):
        server = start_real(real_toxiproxy, "-seed", "42")
        try:
            proxy = server.proxy(echo.port)
            proxy.add("limit_data", bytes=0, toxicity=0.5)
            hits = []
            for _ in range(40):
                with proxy.connect() as client:
                    client.sendall(b"x")
                    hits.append(client.recv(1) == b"")
            outcomes.add(tuple(hits))
        finally:
            server.stop()
    assert len(outcomes) == 2


def test_reset_peer_of_the_original_spares_live_connections(
    original: Server, echo: Upstream
) -> None:
    proxy = original.proxy(echo.port)
    with proxy.connect() as client:
        exchange(client, b"x")
        proxy.add("reset_peer", timeout=0)
        client.sendall(b"y")
        assert ended(client) == "FIN"


def test_the_original_takes_a_toxicity_that_is_no_probability(original: Server) -> None:
    assert original.proxy(1).add("noop", toxicity=2.5).json["toxicity"] == 2.5


@slow
def test_a_receiver_that_does_not_read_wedges_the_original(
    original: Server, holding: Upstream
) -> None:
    proxy = original.proxy(holding.port)
    with proxy.connect():
        far = holding.wait_for_client()
        far.settimeout(0.3)
        with pytest.raises(TimeoutError):
            far.sendall(bytes(64 << 20))
        answer = original.call("POST", f"{proxy.path}/toxics", {"type": "latency"}, timeout=60)
        assert answer.status == 503
