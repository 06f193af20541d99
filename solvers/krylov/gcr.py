"""Generalised conjugate residuals, for preconditioners that change from turn to turn.

Eisenstat, Elman & Schultz (1983), Variational iterative methods for nonsymmetric systems of linear
equations, SIAM J. Numer. Anal. 20.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from solvers.krylov import pcg

KEPT = 12  # previous directions to which each new one is made orthogonal
_PROGRESS = 0.5  # a restart must reduce the residual by this factor
_LEAST_GAIN = 0.99  # and a turn by this one, or a restart follows

# A correction z for a residual, the product A z, and the solver's iterations that it took.
Turn = Callable[[Tensor], tuple[Tensor, Tensor, int]]


def iterate(
    b: Tensor,
    guess: Tensor | None,
    product: Callable[[Tensor], Tensor],
    turn: Turn,
    rtol: float,
    most_turns: int,
) -> tuple[Tensor, int, list[float]]:
    """Iterate from the guess (0 when None) to the true relative residual rtol.

    Returns x, the iterations of all turns, and the relative residual after each of them, nan within
    a turn.
    """
    x = torch.zeros_like(b) if guess is None else guess.clone()
    norm_b = float(torch.linalg.vector_norm(b))
    goal = pcg.target(norm_b, rtol)
    least, kept, turns = math.inf, x, 0
    history: list[float] = []
    while True:  # restart from the true residual for as long as that helps
        r = b - product(x)
        norm = float(torch.linalg.vector_norm(r))
        helped = norm <= _PROGRESS * least
        if not norm <= least:
            x, norm = kept, least
        history[-1:] = [norm / norm_b]
        if norm <= goal or not helped or turns >= most_turns:
            return x, len(history) - 1, history
        least, kept = norm, x
        directions: list[tuple[Tensor, Tensor, float]] = []
        while norm > goal and turns < most_turns:
            z, q, steps = turn(r)
            for other, image, square in directions:
                share = float((q * image).sum()) / square
                z, q = z - share * other, q - share * image
            square = float((q * q).sum())
            if not 0 < square < math.inf:
                break
            directions = [*directions[1 - KEPT :], (z, q, square)]
            share = float((r * q).sum()) / square
            x, r = x + share * z, r - share * q
            before, turns, norm = norm, turns + 1, float(torch.linalg.vector_norm(r))
            history += [math.nan] * (steps - 1) + [norm / norm_b]
            if not norm <= _LEAST_GAIN * before:
                break
