# %% [markdown]
# # Pressure systems compared
#
# Two systems, one of a splash and one of a real run, handed to every solver: iterations, true
# residuals, and how the residual falls.

# %% [markdown]
# ## A model system
#
# `model_system` makes systems of any size without a simulation. A splash has all that is hard for a
# solver: drops, sheets one cell thick, single cells and enclosed air.

# %%
import matplotlib.pyplot as plt

import solvers
from solvers.model_systems import model_system

splash = model_system("splash", (96, 96), seed=0)
matrix, index = splash.system.to_scipy()
print(f"{splash.system.unknowns} unknowns, {matrix.nnz} entries")

# %% [markdown]
# ## Every solver on it
#
# Each gets the same system, the same right-hand side and the same tolerance, through the same gate.
# The first solve with a solver also loads or compiles its kernels, so these are iterations, not
# seconds; `fluidsim bench` measures time.

# %%
solutions = {}
print(f"{'solver':12} iterations  true residual")
for name in solvers.available():
    solution = solvers.solve(splash.system, splash.rhs, name, rtol=1e-8, throw=False)
    solutions[name] = solution
    print(f"{name:12} {solution.iterations:10}  {solution.relative_residual:.1e}  {solution.notes}")

# %%
reference = solutions["direct"].pressure
for name, solution in solutions.items():
    difference = (solution.pressure - reference).norm() / reference.norm()
    print(f"{name:12} differs from direct by {difference:.1e}")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
picture = reference.where(splash.system.active, float("nan"))
shown = left.imshow(picture.T.numpy(), origin="lower", cmap="viridis")
left.set(title="pressure of the splash")
figure.colorbar(shown, ax=left)
for name, solution in solutions.items():
    right.semilogy(solution.residual_history, label=name)
right.set(xlabel="iteration", ylabel="relative residual", ylim=(1e-9, 10), xlim=(0, 60))
right.legend(fontsize=7)
figure.savefig("splash.png", dpi=110)
plt.close(figure)

# %% [markdown]
# ## Systems of a run
#
# `--record-systems N` stores every N-th system of a run. `fluidsim run` on the command line is
# `main` in Python; what it prints is left out here.

# %%
import contextlib
import io
from pathlib import Path

from fluidsim.cli import main
from solvers.storage import load_system

flags = "--dim 2 --resolution 48 --frames 6 --no-render --record-systems 4 --out run"
with contextlib.redirect_stdout(io.StringIO()):
    status = main(["run", "water_drop", *flags.split()])
paths = sorted(Path("run/systems").glob("*.npz"))
print("exit status", status, "with", len(paths), "systems")

# %%
for name in ("cg", "ic", "multigrid"):
    counts = []
    for path in paths:
        stored = load_system(path)
        solution = solvers.solve(stored.system, stored.rhs, name, guess=stored.guess, rtol=1e-6)
        counts.append(solution.iterations)
    print(f"{name:10} iterations: {counts}")
