"""DCDM: a deep network that gives conjugate directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from solvers.npsdo.solver import NeuralDescent


@dataclass(frozen=True)
class DeepConjugateDirections(NeuralDescent):
    """DCDM of Kaneda et al. (ICML 2023): directions by a deep network, made A-orthogonal.

    Along each direction it goes as far as lowers the error most, so the error never grows, whatever
    the network says. If it stalls or fails, an untrained V-cycle takes over, then plain conjugate
    gradients; the notes of the solution say so.

    Parameters
    ----------
    weights : str or os.PathLike, optional
        File of trained weights; None for those that come with the program.
    max_iterations : int, default 5000
        Iterations after which the solver gives up, counted over everything that takes over.
    engine : {"auto", "numba", "torch"}, default "auto"
        As for npsdo, for what takes over; the network itself is evaluated by torch.
    n_ortho : int, default 2
        Number of previous directions to which each new one is made A-orthogonal.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Kaneda et al. (2023), A Deep Conjugate Direction Method for Iteratively Solving Linear Systems,
    ICML, algorithm 1.
    """

    name: ClassVar[str] = "dcdm"
