# %% [markdown]
# # The shape that lets smoke pass
#
# Warm smoke rises in a room of 32 x 48 cells and meets a solid. Which outline, of the same area and
# in the same place, lets it rise the highest in one second? The outline is a spline, and its
# control points get the gradient of the simulation.

# %% [markdown]
# ## The room
#
# The control points lie at fixed angles. Their distances from the middle are free, and all of them
# are scaled so that the area is that of the disc at the start.

# %%
import math

import torch

from fluidsim import SmokeOptions, SmokeScene
from fluidsim.differentiable import rollout
from fluidsim.solid.splines import ClosedCurve, SplineArea

RESOLUTION, FRAMES, SECONDS = 48, 25, 0.04
MIDDLE, RADIUS, COUNT = torch.tensor((0.4, 0.5)).double(), 0.13, 10
ANGLES = torch.arange(COUNT).double() * (2 * math.pi / COUNT)
WAYS = torch.stack((ANGLES.cos(), ANGLES.sin()), 1)


def outline(free):
    """The curve for free numbers (COUNT,); zeros give a circle, or nearly."""
    points = WAYS * torch.exp(0.6 * torch.tanh(free))[:, None]
    scale = (math.pi * RADIUS**2 / ClosedCurve(points).area().abs()).sqrt()
    return ClosedCurve(MIDDLE + scale * points)


def run(free):
    """The density after each frame, (FRAMES, 32, 48)."""
    physics = SmokeOptions(weight=0.0, lift=0.05, vorticity=0.0, cooling=0.0)
    scene = SmokeScene(
        size=(0.8, 1.2), physics=physics, solids=[SplineArea(outline(free))], open_sides=["z+"]
    )
    room = scene.start(resolution=RESOLUTION, solver="multigrid", threads=1)
    x, z = room.grid.cell_positions(room.device).unbind(-1)
    puff = torch.exp(-((x - 0.4) ** 2 + (z - 0.2) ** 2) / 0.008)
    start = {"scalars": torch.stack((puff, 60 * puff))}
    made = rollout(room, FRAMES, SECONDS, start, lambda now: now.density.clone(), segment=FRAMES)
    return torch.stack(made.observed)


def height(density):
    """The mean height of the smoke, m."""
    z = (torch.arange(density.shape[-1]) + 0.5) * (1.2 / RESOLUTION)
    return (density * z).sum() / density.sum()


# %% [markdown]
# ## Upwards along the gradient

# %%
free = torch.zeros(COUNT, dtype=torch.float64, requires_grad=True)
optimiser = torch.optim.LBFGS(
    [free], lr=0.5, max_iter=12, max_eval=16, line_search_fn="strong_wolfe"
)
heights = []


def closure():
    optimiser.zero_grad()
    reached = height(run(free)[-1])
    (-10 * reached).backward()
    heights.append(float(reached.detach()))
    return -10 * reached.detach()


optimiser.step(closure)
print(f"mean height {heights[0]:.3f} m with the disc")
print(f"mean height {max(heights):.3f} m after {len(heights)} gradients")

# %% [markdown]
# ## What came of it

# %%
import matplotlib.pyplot as plt
import numpy as np

with torch.no_grad():
    curves = [outline(torch.zeros(COUNT).double()), outline(free)]
    runs = [run(torch.zeros(COUNT).double()), run(free)]
u = torch.linspace(0, 1, 200).double()
figure, axes = plt.subplots(1, 3, figsize=(9, 4.2), layout="constrained")
for place, title, curve, densities in zip(axes, ("disc", "found"), curves, runs, strict=False):
    place.imshow(
        densities[-1].numpy().T, origin="lower", cmap="magma", vmin=0, vmax=0.6,
        extent=(0, 0.8, 0, 1.2),
    )  # fmt: skip
    with torch.no_grad():
        line = curve.at(u)
    place.fill(*line.T.numpy(), color="0.6")
    place.set(title=f"{title}: {float(height(densities[-1])):.3f} m", xticks=[], yticks=[])
axes[2].plot(np.maximum.accumulate(heights))
axes[2].set(title="mean height, m", xlabel="gradients")
figure.savefig("shape.png", dpi=100)
plt.close(figure)
area = [float(curve.area().abs()) for curve in curves]
print(f"area {area[0]:.5f} m2 before, {area[1]:.5f} m2 after")
