"""A running stack for experiments written as plain pytest tests.

    with LiveStack.start(Path("."), folder, get_backend("local"), pace=60) as live:
        with live.chaos.cut("shop-payments"):
            answer = live.post("shop", "/orders", json={...})
        modes = [event.mode for event in live.history().of(Mode)]

The pytest fixtures `stack`, `chaos` and `history` give access to one `LiveStack`.
"""

from ._live import LiveStack

__all__ = ["LiveStack"]
