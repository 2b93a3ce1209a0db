"""What the fault tests stand on, beside the black-box harness.

faults    which calls fail, and how; what was met
world     what a server holds, and that nothing of it is lost
"""

from .faults import CALLS, Faults
from .world import World

__all__ = ["CALLS", "Faults", "World"]
