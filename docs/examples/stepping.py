# %% [markdown]
# # A simulation stepped by hand
#
# A scene is plain data, and a simulation is an object that goes forward in time. This page drops a
# ball of water beside a post, looks at the fields between frames, and draws them, all in Python.

# %% [markdown]
# ## From a scene to a simulation
#
# Threads and device are set once in a process. The scene is what `build` returns in a script; here
# it is made directly, in 2D: up is the last axis.

# %%
from fluidsim import LiquidScene, RunConfig, taichi_runtime
from fluidsim.solid.shapes import Box, HalfSpace, Sphere
from fluidsim.timing import StageTimer
from solvers import runtime

machine = runtime.configure(threads=1)  # enough for so small a grid
taichi_runtime.start(machine)

scene = LiquidScene(
    size=(1.0, 1.0),
    liquid=HalfSpace(0.2) | Sphere((0.35, 0.7), 0.13),
    solids=[Box((0.62, 0.0), (0.7, 0.34))],
)
config = RunConfig(scene="splash", dim=2, resolution=64, solver="cg")
simulation = scene.start(config, machine, StageTimer(machine.device))
print(simulation.grid.shape, "cells of", simulation.grid.dx, "m")
print(simulation.particle_count, "particles")

# %% [markdown]
# ## Forward in time
#
# `advance(seconds)` goes forward by a frame, in as many substeps as the speeds ask for, and reports
# what happened in it.

# %%
times, volumes, forces = [], [], []
for _ in range(24):
    report = simulation.advance(1 / 60)
    times.append(simulation.time)
    volumes.append(100 * simulation.volume_error())
    forces.append(float(simulation.force_on_solids()[0]))

print(f"t = {simulation.time:.3f} s, {report.substeps} substeps in the last frame")
print(f"{report.iterations} iterations of cg, worst residual {report.relative_residual:.1e}")

# %% [markdown]
# ## Fields are tensors
#
# Particles hold positions (in cells) and velocities (m/s); the pressure (Pa) lives on the cells,
# the velocity on the faces. Nothing needs to be copied to be looked at.

# %%
positions = simulation.particles.positions * simulation.grid.dx
speeds = simulation.particles.velocities.norm(dim=1)
print("positions", tuple(positions.shape), "pressure", tuple(simulation.pressure.shape))
print(f"the fastest particle: {speeds.max():.2f} m/s")
print(f"the highest pressure: {simulation.pressure.max():.0f} Pa")

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
x, z = positions.T.numpy()
dots = left.scatter(x, z, 1, speeds.numpy(), cmap="viridis")
left.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title="particles")
figure.colorbar(dots, ax=left, label="speed, m/s")
right.plot(times, forces)
right.set(xlabel="time, s", ylabel="force on the post along x, N/m")
figure.savefig("fields.png", dpi=110)
plt.close(figure)

# %% [markdown]
# ## A picture of a frame
#
# `draw` hands the present state to the renderer. The picture is an array of bytes, (height, width,
# 3); in 2D it keeps the aspect of the domain.

# %%
import imageio.v3 as imageio

from fluidsim.runs.snapshot import draw

image = draw(simulation, size=(640, 360))
print(image.shape, image.dtype)
imageio.imwrite("picture.png", image)

# %% [markdown]
# ## Several at a time, and back in time
#
# Simulations share nothing. `state()` holds all that the future depends on; `restore` goes back to
# it, and the run from there repeats bit for bit.

# %%
state = {name: values.clone() for name, values in simulation.state().items()}
other = scene.start(config, machine, StageTimer(machine.device))
other.restore(state)
for each in (simulation, other):
    each.advance(1 / 60)
same = simulation.particles.positions.equal(other.particles.positions)
print("the same positions, bit for bit:", same)
