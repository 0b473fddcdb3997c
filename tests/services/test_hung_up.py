"""A target that hangs up in the moment in which it is connected, on the loop of real services."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from threading import Thread

import pytest
import uvloop

from services.kit import Client, NotSent, Outcome, Unsure
from services.kit._world import process_world

CALLS = 500
"""Of as many, about fifty met a socket that uvloop had let go of."""


@pytest.fixture
def target() -> Iterator[str]:
    """The address of one that resets every connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                reset = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                connection.close()

        thread = Thread(target=hang_up, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


def test_a_target_that_hangs_up_at_once_is_an_outcome_and_no_crash(target: str) -> None:
    async def call() -> list[Outcome]:
        client = Client(process_world("counter-cgk", {"PACE": "1"}), "border", target)
        try:
            outcomes: list[Outcome] = []
            for _ in range(CALLS // 50):
                calls = (client.get("/check", counted=False) for _ in range(50))
                outcomes += await asyncio.gather(*calls)
            return outcomes
        finally:
            await client.close()

    outcomes = uvloop.run(call())
    assert len(outcomes) == CALLS
    assert {type(outcome) for outcome in outcomes} <= {NotSent, Unsure}
    assert any("hung up at once" in str(outcome) for outcome in outcomes), "it never happened"
