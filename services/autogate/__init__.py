"""The autogates of an airport: fast with the data center, closed without it.

A gate has no officer, so it admits nobody whom watchlist and border have not cleared. Where they do
not answer, the traveller is sent to a counter with the same crossing id: if the border already has
the crossing, the counter gets the same receipt. Once the gate is sure that they are down, all lanes
close (mode `manual`, with the reason). They stay closed until the command centre permits them
again, some at first (`mixed`), then all (`automatic`).

Lanes never reopen on their own, even if the command centre is never heard from again. The counters
carry the traffic meanwhile, and a gate that opens before its turn in the plan can cause a second
collapse. `/status` gives the reason for which a gate is closed.
"""

from services.kit import deploy

from ._app import create

app = deploy(create)

__all__ = ["app", "create"]
