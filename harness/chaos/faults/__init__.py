"""Every fault type, one per file; importing this package registers them.

To add one, write a module here with a subclass of `LinkFault`, `NodeFault` or `ContainerFault`
(see `harness.chaos._fault_type`), and import it below.
"""

from .blackhole import Blackhole
from .cut import Cut
from .delay import Delay
from .disconnect import Disconnect
from .fill import Fill
from .kill import Kill
from .limit import Limit
from .lose_replies import LoseReplies
from .pause import Pause
from .reset import Reset
from .restart import Restart
from .slice import Slice
from .slow_close import SlowClose
from .starve import Starve
from .stop import Stop
from .throttle import Throttle

__all__ = [
    "Blackhole",
    "Cut",
    "Delay",
    "Disconnect",
    "Fill",
    "Kill",
    "Limit",
    "LoseReplies",
    "Pause",
    "Reset",
    "Restart",
    "Slice",
    "SlowClose",
    "Starve",
    "Stop",
    "Throttle",
]
