"""Every kind of fault, one file each; importing this registers them."""

from .blackhole import Blackhole
from .cut import Cut
from .delay import Delay
from .kill import Kill
from .limit import Limit
from .lose_replies import LoseReplies
from .pause import Pause
from .reset import Reset
from .restart import Restart
from .slice import Slice
from .slow_close import SlowClose
from .stop import Stop
from .throttle import Throttle

__all__ = [
    "Blackhole",
    "Cut",
    "Delay",
    "Kill",
    "Limit",
    "LoseReplies",
    "Pause",
    "Reset",
    "Restart",
    "Slice",
    "SlowClose",
    "Stop",
    "Throttle",
]
