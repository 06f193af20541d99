"""Errors that end a run with one line for the user."""


class SimulationError(RuntimeError):
    """The simulation cannot go on; the message is one line for the user."""
