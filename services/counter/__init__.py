"""The counters of an airport: officers who work with the data center, and without it.

With the data center, an officer asks watchlist and border, which takes about 50 s. Without it, the
officer checks the traveller against the last snapshot of the watchlist and writes a stamp record
into a durable journal before the traveller is answered. When the data center is back, a replayer
enters the journal into the border's ledger. Modes:

    automatic    the data center is asked for every traveller, and the journal is replayed
    manual       the data center is unreachable or closed
    mixed        it admits a share, or is open while the journal is not replayed yet

A traveller is admitted only if the data center or a valid snapshot has cleared them, and only with
a record that survives the end of this process.
"""

from services.kit import deploy

from ._app import create

app = deploy(create)

__all__ = ["app", "create"]
