"""FluidNet as a preconditioner, as the NPSDO paper compares with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from solvers.npsdo.solver import NeuralDescent


@dataclass(frozen=True)
class FluidNet(NeuralDescent):
    """FluidNet of Tompson et al. (ICML 2017), as a preconditioner of steepest descent.

    Its network guesses the pressure of a residual and of a picture of the geometry in one go; each
    guess is a direction, made A-orthogonal to the last `n_ortho`. If it stalls or fails, an
    untrained V-cycle takes over, then plain conjugate gradients; the notes of the solution say so.

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
    Tompson et al. (2017), Accelerating Eulerian Fluid Simulation With Convolutional Networks, ICML.
    Lane et al. (2024), A Neural-Preconditioned Poisson Solver for Mixed Dirichlet and Neumann
    Boundary Conditions, ICML, section 5, for its use as a preconditioner.
    """

    name: ClassVar[str] = "fluidnet"
