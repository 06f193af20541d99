"""Pressure systems of a run, stored for comparing solvers on them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

import solvers
from fluidsim.files import replacing
from fluidsim.flow.simulation import Simulation
from fluidsim.grid.grid import Grid
from fluidsim.scene.config import RunConfig
from solvers.storage import StoredSystem, save_system


class SystemRecorder:
    """Called with every pressure system of a run; stores each `config.record_systems`-th one.

    The files are numbered by the system's place in the run: FOLDER/000001.npz is the first.
    """

    def __init__(self, folder: Path, config: RunConfig, simulation: Simulation):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.config = config
        self.simulation = simulation
        self.count = 0

    def __call__(self, system: solvers.PoissonSystem, rhs: Tensor, guess: Tensor | None) -> None:
        self.count += 1
        if (self.count - 1) % self.config.record_systems:
            return
        notes = {
            "scene": self.config.scene,
            "resolution": self.config.resolution,
            "seed": self.config.seed,
            "number": self.count,
            "time": self.simulation.time,
        }
        window = self.simulation.window
        if not window.is_whole:
            system = _in_domain(system, window)
            rhs = window.whole.fitted(rhs, window, 0.0)
            guess = None if guess is None else window.whole.fitted(guess, window, 0.0)
        with replacing(self.folder / f"{self.count:06d}.npz") as temporary:
            save_system(temporary, StoredSystem(system, rhs, guess, notes))


def _in_domain(system: solvers.PoissonSystem, window: Grid) -> solvers.PoissonSystem:
    """The system of a window, as one of the domain, with air in the rest of it."""
    air = max(float(weights.max()) for weights in system.face_weights)
    weights = tuple(window.whole.fitted(each, window, air) for each in system.face_weights)
    active = window.whole.fitted(system.active, window, False)
    return solvers.PoissonSystem(weights, active, system.periodic)
