"""Errors that end a run with one line for the user."""


class SimulationError(RuntimeError):
    """The simulation cannot go on; the message is one line for the user."""


def said(error: BaseException) -> str:
    """An error in one line; one of the system begins with the file that it is about."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
