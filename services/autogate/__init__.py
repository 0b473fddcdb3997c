"""The automatic gates of an airport: quick with the data center, closed without it.

A gate has no officer, so it lets nobody through whom watchlist and border have not cleared. Where
they do not answer, the traveller is sent to a counter with the same crossing id: if the border
has it already, the counter gets the same receipt. When it is sure that they are away, all lanes
close (mode `manual`, with the reason) and stay closed until the command centre permits them
again, some at first (`mixed`), then all (`automatic`).

They never reopen alone, not even if the command centre is never heard again. The counters carry
the traffic meanwhile, and a gate that opens before its turn in the plan can start the second
collapse. What it waits for stands in `/status`, so a gate that stays closed has its reason.
"""

from services.kit import deploy

from ._app import create

app = deploy(create)

__all__ = ["app", "create"]
