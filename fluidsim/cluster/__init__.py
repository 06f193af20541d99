"""Many runs, and the pictures of one, on the workers of a Dask cluster."""

import importlib.util

from fluidsim.errors import SimulationError


def require_dask() -> None:
    """Raise SimulationError with one line where Dask is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise SimulationError('a cluster needs dask: pip install "fluidsim-lab[cluster]"')
