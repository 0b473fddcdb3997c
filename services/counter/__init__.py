"""The counters of an airport: officers, with the data center and without it.

With it, an officer asks watchlist and border and takes about 50 s. Without it, the officer
compares the traveller with the last snapshot of the watchlist and writes a stamp record by hand
into a durable journal, before the traveller is answered. When the data center is back, a replayer
enters the journal. Modes:

    automatic    it is asked for every traveller, and the journal is entered
    manual       it is away or closed
    mixed        it lets in some, or is back while the journal is not entered yet

Nobody is admitted whom neither the data center nor a valid snapshot has cleared, and nobody
without a record that outlives this process.
"""

from services.kit import deploy

from ._app import create

app = deploy(create)

__all__ = ["app", "create"]
