"""Tsallis-INF: a bandit that needs to know neither the horizon nor whether its world changes.

Follow the regularised leader with the Tsallis entropy of power 1/2 and estimators of reduced
variance. For losses in 0..1 of k arms, its expected regret against the best fixed arm after T turns
is at most 2 sqrt(k T) + 10 k ln T + 16, whatever the losses; if they are drawn from fixed
distributions, it grows with ln T only (Zimmert & Seldin 2021, Tsallis-INF: an optimal algorithm for
stochastic and adversarial bandits, JMLR 22, theorem 1 and algorithm 1).
"""

from __future__ import annotations

import numpy as np

_STEPS = 60  # of Newton's method, at most


def probabilities(losses: np.ndarray, turns: int) -> np.ndarray:
    """How likely each arm is to be played next.

    losses: (k,) estimated sums of losses of so many turns. p_i = 4 / (eta (L_i - x))^2 with the x
    for which they add up to 1; Newton's method comes down to it from -2, where the sum is not less.
    """
    eta = _rate(turns)
    scaled = eta * (losses - losses.min())
    x = -2.0
    for _ in range(_STEPS):
        p = 4.0 / (scaled - x) ** 2
        step = (p.sum() - 1.0) / (p * np.sqrt(p)).sum()
        if abs(step) < 1e-12 * abs(x):
            break
        x -= step
    return p / p.sum()


def learn(losses: np.ndarray, turns: int, arm: int, loss: float) -> np.ndarray:
    """The estimated sums of losses after another turn, in which this arm cost `loss`, 0..1."""
    p, eta = probabilities(losses, turns), _rate(turns)
    base = np.where(p >= eta**2, 0.5, 0.0)
    estimate = base.copy()
    estimate[arm] += (loss - base[arm]) / p[arm]
    return losses + estimate


def _rate(turns: int) -> float:
    return 4.0 / np.sqrt(turns + 1.0)
