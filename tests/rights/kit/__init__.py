"""What the tests of rights stand on: somebody inside muster, and a service manager around it.

inside    a library in the server that tries from its threads what it is asked to
Manager   a socket that hears what a service manager would (of the black-box harness)
"""

from harness import Manager

from .inside import MAIN, WORKER, Inside

__all__ = ["MAIN", "WORKER", "Inside", "Manager"]
