"""The checks of the immigration system; the general ones are in `harness.checks`.

| check                  | question                                                               |
|------------------------|------------------------------------------------------------------------|
| nobody_barred_admitted | Was everyone on the watchlist held, as far as the counter could know?  |
| gates_fail_closed      | Did autogates close without the data center and counters take over?    |
| bags_match             | Does every bag have its passenger, and every passenger their own bag?  |
"""

from .bags_match import BagsMatch
from .gates_fail_closed import GatesFailClosed
from .nobody_barred_admitted import NobodyBarredAdmitted

__all__ = ["BagsMatch", "GatesFailClosed", "NobodyBarredAdmitted"]
