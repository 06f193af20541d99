"""Random numbers that depend on a seed and a count only: a run that goes on draws alike."""

from __future__ import annotations

import numpy as np


def draw(probabilities: np.ndarray, seed: int, count: int) -> int:
    """The index that the draw number `count` of a seed picks with these probabilities (k,)."""
    u = np.random.Generator(np.random.Philox(key=seed, counter=count)).random()
    chosen = int(np.searchsorted(np.cumsum(probabilities), u, side="right"))
    return min(chosen, int(np.flatnonzero(probabilities > 0)[-1]))
