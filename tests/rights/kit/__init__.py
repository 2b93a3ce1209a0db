"""What the tests of rights stand on: somebody inside muster, and a service manager around it.

inside    a library in the server that tries from its threads what it is asked to
manager   a socket that hears what a service manager would
"""

from .inside import MAIN, WORKER, Inside
from .manager import Manager

__all__ = ["MAIN", "WORKER", "Inside", "Manager"]
