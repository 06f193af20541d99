"""Decaying oscillations: fits of their period and their loss per period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares


class Swing(NamedTuple):
    """period: s. loss: of the amplitude per period, 0..1; negative if it grows."""

    period: float
    loss: float


def swing(times: Sequence[float], values: Sequence[float], expected: float) -> Swing:
    """The best fit of a decaying sinusoid about a constant. expected: its approximate period, s."""
    t, y = np.asarray(times), np.asarray(values)

    def basis(parameters: np.ndarray) -> np.ndarray:
        frequency, rate = parameters * 2 * np.pi / expected
        decay = np.exp(-np.clip(rate * t, -50, 50))
        return np.stack([decay * np.cos(frequency * t), decay * np.sin(frequency * t), 1 + 0 * t])

    def misfit(parameters: np.ndarray) -> np.ndarray:
        modes = basis(parameters)
        return modes.T @ np.linalg.lstsq(modes.T, y, rcond=None)[0] - y

    starts = [(f, r) for f in (0.9, 1.0, 1.1) for r in (0.0, 0.1)]
    best = min((least_squares(misfit, start) for start in starts), key=lambda fit: fit.cost)
    frequency, rate = best.x
    return Swing(expected / frequency, 1 - float(np.exp(-2 * np.pi * rate / frequency)))
