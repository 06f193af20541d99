# %% [markdown]
# # A simulation stepped by hand
#
# A scene is plain data, and a simulation is an object that goes forward in time. This page lets
# water out behind a gate, changes things between frames, looks at the fields, and draws them, all
# in Python, without the command line.

# %% [markdown]
# ## From a scene to a simulation
#
# The scene is what `build` returns in a script; here it is made directly, in 2D: up is the last
# axis. The gate is `Steered`: it rests until the program moves it.

# %%
from fluidsim import Inflow, LiquidScene
from fluidsim.solid.shapes import Box, Sphere
from fluidsim.solid.steered import Steered

gate = Steered(Box((0.35, 0.0), (0.4, 0.8)), pivot=(0.375, 0.4))
nozzle = Sphere((0.9, 0.85), 0.05)
scene = LiquidScene(
    size=(1.0, 1.0),
    liquid=Box((0.0, 0.0), (0.35, 0.6)),
    solids=[gate, Box((0.65, 0.0), (0.72, 0.2))],
    inflows=[Inflow(nozzle, velocity=(0.0, -0.5))],
)
simulation = scene.start(resolution=64, solver="cg", threads=1)
print(simulation.grid.shape, "cells of", simulation.grid.dx, "m")
print(simulation.particle_count, "particles")

# %% [markdown]
# ## Forward in time
#
# `advance(seconds)` goes forward by a frame, in as many substeps as the speeds ask for, and reports
# what happened in it.

# %%
for _ in range(6):
    report = simulation.advance(1 / 60)
print(f"t = {simulation.time:.3f} s, {report.substeps} substeps in the last frame")
print(f"{report.iterations} iterations of cg, worst residual {report.relative_residual:.1e}")

# %% [markdown]
# ## Change something between frames
#
# The gate goes up, and the inflow gets stronger. From here on we also write down the force on the
# solids.

# %%
gate.steer(simulation.time, velocity=(0.0, 2.0))
simulation.change_inflow(0, Inflow(nozzle, velocity=(-1.5, -1.5)))

times, forces = [], []
for _ in range(24):
    simulation.advance(1 / 60)
    times.append(simulation.time)
    forces.append(float(simulation.force_on_solids()[0]))
print(f"volume error {100 * simulation.volume_error():.2f} %")

# %% [markdown]
# ## Fields are tensors
#
# `fields()` returns copies by name: what is on cells has the shape of the grid, what belongs to the
# particles a row for each of them.

# %%
fields = simulation.fields()
for name, values in fields.items():
    print(f"{name:10} {tuple(values.shape)!s:14} from {values.min():.3g} to {values.max():.3g}")

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
x, z = fields["positions"].T.numpy()
dots = left.scatter(x, z, 1, fields["velocities"].norm(dim=1).numpy(), cmap="viridis")
left.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title="particles")
figure.colorbar(dots, ax=left, label="speed, m/s")
right.plot(times, forces)
right.set(xlabel="time, s", ylabel="force on gate and step along x, N/m")
figure.savefig("fields.png", dpi=110)
plt.close(figure)

# %% [markdown]
# ## A picture of a frame
#
# `draw` hands the present state to the renderer. The picture is an array of bytes, (height, width,
# 3); in 2D it keeps the aspect of the domain.

# %%
import imageio.v3 as imageio

from fluidsim import draw

image = draw(simulation, size=(640, 360))
print(image.shape, image.dtype)
imageio.imwrite("picture.png", image)

# %% [markdown]
# ## Back in time, and several at a time
#
# `state()` holds all that the future depends on, but for what the program changed from outside: the
# way of the gate and the new inflow stay as they are. `restore` goes back to it, and from there the
# simulation repeats bit for bit.

# %%
state = {name: values.clone() for name, values in simulation.state().items()}
simulation.advance(1 / 60)
first = simulation.fields()["positions"]
simulation.restore(state)
simulation.advance(1 / 60)
print("the same positions, bit for bit:", simulation.fields()["positions"].equal(first))

# %% [markdown]
# A process may hold several simulations, of one scene or of many. (A solid that is steered belongs
# to the scene, so simulations of one scene share it.)

# %%
for solver in ("multigrid", "schur"):
    still = LiquidScene(size=(1.0, 1.0), liquid=Box((0.0, 0.0), (1.0, 0.5)))
    water = still.start(resolution=32, solver=solver, threads=1)
    water.advance(1 / 60)
    deepest = water.fields()["pressure"].max()
    print(f"{solver:10} {deepest:.0f} Pa in the lowest cells of still water")
