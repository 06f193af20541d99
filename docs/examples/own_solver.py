# %% [markdown]
# # A solver of one's own
#
# In an empty box the pressure system is solved at once by a fast sine transform. In a real scene,
# with solids and open sides, that is no solution, but it may be a preconditioner. This page writes
# the solver, tests it on a system, and runs a scene with it.

# %% [markdown]
# ## The solver
#
# A solver is a frozen dataclass of options with a `name`. `setup` returns a state; `solve` gets a
# right-hand side that the gate has checked, and hands back an `Outcome`. The module is written to a
# file, as it would stand in a package of one's own.

# %%
from pathlib import Path

Path(
    "sine_solver.py"
).write_text('''"""Conjugate gradients, preconditioned by the box in which the grid lies."""

import dataclasses
from typing import ClassVar

import numpy as np
import scipy.fft
import torch
from solvers import Outcome


@dataclasses.dataclass(frozen=True)
class SineTransform:
    """CG preconditioned by a fast sine transform over the whole box."""

    name: ClassVar[str] = "sine"
    max_iterations: int = 500

    def setup(self, system):
        """The system, and the eigenvalues of the Laplacian of the box with p = 0 around it."""
        eigenvalues = np.zeros(system.shape)
        for axis, n in enumerate(system.shape):
            waves = 2 - 2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1))
            eigenvalues += waves.reshape([-1 if d == axis else 1 for d in range(system.dim)])
        return system, eigenvalues

    def solve(self, state, rhs, guess, rtol):
        system, eigenvalues = state

        def precondition(r):
            waves = scipy.fft.dstn(r.numpy(), type=1)
            z = torch.from_numpy(scipy.fft.idstn(waves / eigenvalues, type=1))
            return system.floating.remove_means(torch.where(system.active, z, 0.0))

        p = torch.zeros_like(rhs) if guess is None else guess.clone()
        r = rhs - system.apply(p)
        z = precondition(r)
        d, rho, goal = z.clone(), (r * z).sum(), rtol * rhs.norm()
        history = [float(r.norm() / rhs.norm())]
        while r.norm() > goal and len(history) <= self.max_iterations:
            q = system.apply(d)
            alpha = rho / (d * q).sum()
            p, r = p + alpha * d, r - alpha * q
            z = precondition(r)
            rho, before = (r * z).sum(), rho
            d = z + (rho / before) * d
            history.append(float(r.norm() / rhs.norm()))
        return Outcome(p, len(history) - 1, history)
''')

# %% [markdown]
# ## On one system
#
# `solvers.solve` takes the object. The gate judges the residual itself, so a wrong solver cannot
# look right: it raises `SolveError`.

# %%
import sys

sys.path.insert(0, str(Path.cwd()))

from sine_solver import SineTransform

import solvers
from solvers.model_systems import model_system

for kind in ("smoke", "dam"):
    stored = model_system(kind, (64, 64))
    for solver in (SineTransform(), "cg", "multigrid"):
        solution = solvers.solve(stored.system, stored.rhs, solver, rtol=1e-8)
        reached = f"{solution.iterations:4} iterations to {solution.relative_residual:.1e}"
        print(f"{kind:6} {solution.solver:10} {reached}")

# %% [markdown]
# In a box full of smoke the transform is a good guess at the inverse; under a free surface it knows
# too little of where the air is.
#
# ## Registered
#
# A package names its solver in `pyproject.toml`:
#
# ```toml
# [project.entry-points."fluidsim.solvers"]
# sine = "sine_solver:SineTransform"
# ```
#
# `pip install` turns that into a file beside the package. Here we write the file ourselves.

# %%
info = Path("sine_solver-1.0.dist-info")
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\nName: sine-solver\nVersion: 1.0\n")
(info / "entry_points.txt").write_text("[fluidsim.solvers]\nsine = sine_solver:SineTransform\n")
print(solvers.available())
print(solvers.describe("sine"))

# %% [markdown]
# ## In a scene
#
# From now on the name works wherever a solver's name does: in `fluidsim run --solver sine`, in
# `bench`, in `compare`, and in a simulation stepped by hand (which takes the object as well).

# %%
from fluidsim import SmokeScene, Source
from fluidsim.solid.shapes import Cylinder, Sphere

scene = SmokeScene(
    size=(1.0, 1.0),
    sources=[Source(Cylinder((0.5, 0.02), radius=0.1, height=0.06))],
    solids=[Sphere((0.56, 0.45), 0.15)],
    open_sides=["z+"],
)
iterations = {}
for name in ("sine", "cg", "multigrid"):
    simulation = scene.start(resolution=64, solver=name, threads=1)
    iterations[name] = [simulation.advance(1 / 20).iterations for _ in range(30)]

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, counts in iterations.items():
    left.plot(range(1, 31), counts, label=name)
left.set(xlabel="frame", ylabel="iterations a frame", yscale="log")
left.legend(loc="upper left")
density = simulation.fields()["density"].T.numpy()
right.imshow(density, origin="lower", cmap="gray", extent=(0, 1, 0, 1))
right.set(title="density after 1.5 s")
figure.savefig("plume.png", dpi=110)
plt.close(figure)
