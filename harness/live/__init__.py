"""A stack for experiments written by hand: started once, spoken to directly, faults at will.

    with LiveStack.start(Path("."), folder, get_backend("local"), pace=60) as live:
        with live.chaos.cut("border-database"):
            answer = live.post("border", "/crossings", json={...})
        modes = [event.mode for event in live.history().of(Mode)]

The pytest fixtures `stack`, `chaos` and `history` are this.
"""

from ._live import LiveStack

__all__ = ["LiveStack"]
