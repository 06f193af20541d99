"""A neural preconditioner: symmetric learned V-cycle, and the network of the paper."""
