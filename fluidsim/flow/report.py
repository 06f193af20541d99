"""What a frame of a simulation reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from solvers import Solution


@dataclass
class FrameReport:
    """What happened in a frame; sums over its substeps unless said otherwise.

    relative_residual and max_divergence (1/s) are the worst of the substeps, unknowns the most;
    top_speed is the largest speed along an axis after a substep, m/s.
    smoke_...: m^dim, what sources added, left by open sides, faded and came from fuel.
    full: whether inflows found a closed domain full.
    bodies: of each rigid body its position (of the centre of mass, m), rotation (matrix, row by
    row), velocity (m/s), angular_velocity (rad/s) and the force of the pressure on it (N), at last.
    notes: what the solver told of its solves, "" when all went well.
    choices: of a solver that chooses: how many solves of the frame had which choice.
    guesses: how many of its solves went on from the "history", the "last" pressure, or "zero".
    """

    substeps: int = 0
    unknowns: int = 0
    iterations: int = 0
    viscosity_iterations: int = 0
    relative_residual: float = 0.0
    max_divergence: float = 0.0
    top_speed: float = 0.0
    particles_added: int = 0
    particles_removed: int = 0
    particles_left: int = 0
    particles_poured: int = 0
    particles_drained: int = 0
    full: bool = False
    smoke_added: float = 0.0
    smoke_left: float = 0.0
    smoke_faded: float = 0.0
    smoke_burnt: float = 0.0
    notes: str = ""
    bodies: list[dict[str, list[float]]] = field(default_factory=list)
    choices: dict[str, int] = field(default_factory=dict)
    guesses: dict[str, int] = field(default_factory=dict)

    def add_changes(self, added: int, removed: int, left: int) -> None:
        """Count particles that were added, removed, or lost through open sides."""
        self.particles_added += added
        self.particles_removed += removed
        self.particles_left += left

    def add_solve(
        self, solution: Solution, guess: str, unknowns: int, max_divergence: float
    ) -> None:
        """Count a pressure solve of so many unknowns, its guess and the divergence it left."""
        self.unknowns = max(self.unknowns, unknowns)
        self.iterations += solution.iterations
        self.relative_residual = max(self.relative_residual, solution.relative_residual)
        self.max_divergence = max(self.max_divergence, max_divergence)
        if solution.notes not in self.notes:
            self.notes = "; ".join(filter(None, (self.notes, solution.notes)))
        self.guesses[guess] = self.guesses.get(guess, 0) + 1
        if solution.choice:
            self.choices[solution.choice] = self.choices.get(solution.choice, 0) + 1
