"""What only immigration asks of a history; everything else is in `harness.checks`.

| check                  | question                                                              |
|------------------------|-----------------------------------------------------------------------|
| nobody_barred_admitted | Was everybody on the watchlist held, as far as the desk could know?   |
| gates_fail_closed      | Did the autogates close without the center, and counters take over?   |
| bags_match             | Has every bag its passenger and every passenger his own bag?          |
"""

from .bags_match import BagsMatch
from .gates_fail_closed import GatesFailClosed
from .nobody_barred_admitted import NobodyBarredAdmitted

__all__ = ["BagsMatch", "GatesFailClosed", "NobodyBarredAdmitted"]
