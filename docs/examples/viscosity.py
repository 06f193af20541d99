# %% [markdown]
# # The viscosity of a slab, from how its front spreads
#
# A slab of honey-like liquid is let go in a channel and spreads. What we have seen is where its
# front was in twelve moments, each measured with an error of some millimetres. How viscous is the
# liquid? We begin with guesses that are wrong by ten and by five times, and follow the gradient of
# the whole run.

# %% [markdown]
# ## The slab
#
# It is 40 cm long and 40 cm high, on a grid of 60 x 20 cells. The viscosity of the scene is a
# tensor where we want a gradient.

# %%
import math

import torch

from fluidsim import LiquidScene
from fluidsim.differentiable import rollout
from fluidsim.solid.shapes import Box

CELLS, FRAMES, SECONDS = 60, 12, 0.05
HIDDEN = 200.0  # Pa s: what we look for
LENGTH, HEIGHT = 1.5, 0.5


def slab(viscosity):
    scene = LiquidScene(
        size=(LENGTH, HEIGHT), liquid=Box((0.0, 0.0), (0.4, 0.4)), viscosity=viscosity
    )
    return scene.start(resolution=CELLS, solver="multigrid", threads=1)


print(slab(HIDDEN).grid.shape, "cells,", slab(HIDDEN).particle_count, "particles")


# %% [markdown]
# ## The front
#
# The foremost particle would be another one in every run, and its place jumps. So the front is a
# soft maximum: the mean of all places, each with the weight exp(x / 2 cells), which the foremost
# particles have nearly all of.


# %%
def front(now):
    """Where the front is along x, m."""
    x = now.window.metres(now.particles.positions)[:, 0]
    return (torch.softmax(x / (2 * now.grid.dx), 0) * x).sum()


def fronts(viscosity, segment=FRAMES):
    """After each frame, (FRAMES,) m."""
    return torch.stack(rollout(slab(viscosity), FRAMES, SECONDS, None, front, segment).observed)


# %% [markdown]
# The observation is a run with the hidden viscosity, and errors of 5 mm as a ruler beside the
# channel has: a fifth of a cell.

# %%
ERROR = 0.005
with torch.no_grad():
    true = fronts(HIDDEN)
seen = true + ERROR * torch.randn(FRAMES, generator=torch.Generator().manual_seed(1))
print("seen at", " ".join(f"{100 * x:.1f}" for x in seen), "cm")


# %% [markdown]
# ## With torch.optim
#
# Viscosities differ by factors, so the unknown is the logarithm. The loss is the mean squared
# difference from what was seen, in units of the error: about 1 at best. L-BFGS starts from a liquid
# ten times too thick.


# %%
def loss_of(logarithm):
    return ((fronts(logarithm.exp()) - seen) / ERROR).square().mean()


THICK, THIN = 10 * HIDDEN, HIDDEN / 5
unknown = torch.tensor(math.log(THICK), requires_grad=True)
optimiser = torch.optim.LBFGS([unknown], max_iter=8, max_eval=9, line_search_fn="strong_wolfe")
by_torch = []  # viscosity and loss


def closure():
    optimiser.zero_grad()
    loss = loss_of(unknown)
    loss.backward()
    by_torch.append((float(unknown.detach().exp()), float(loss.detach())))
    return loss


optimiser.step(closure)


def report(steps):
    (first, _), (best, loss) = steps[0], min(steps, key=lambda step: step[1])
    print(f"from {first:.0f} Pa s to {best:.1f} Pa s, {100 * (best / HIDDEN - 1):+.1f} % off,")
    print(f"with {len(steps)} gradients; loss {steps[0][1]:.0f} before, {loss:.2f} after")


report(by_torch)

# %% [markdown]
# ## With scipy.optimize
#
# From the other side: a liquid five times too thin.

# %%
import numpy as np
from scipy.optimize import minimize

by_scipy = []


def value_and_gradient(values):
    logarithm = torch.tensor(values[0], dtype=torch.float32, requires_grad=True)
    loss = loss_of(logarithm)
    (slope,) = torch.autograd.grad(loss, logarithm)
    by_scipy.append((math.exp(values[0]), float(loss.detach())))
    return by_scipy[-1][1], np.array([float(slope)])


bounds = [(math.log(1.0), math.log(1e5))]
found = minimize(
    value_and_gradient, [math.log(THIN)], jac=True, method="L-BFGS-B", bounds=bounds,
    options={"maxfun": 14, "ftol": 1e-4},
)  # fmt: skip
best = math.exp(found.x[0])
report(by_scipy)

# %% [markdown]
# ## How well it can be known
#
# Where the fronts move by s (m) when the logarithm of the viscosity grows by 1, errors of size e
# leave the viscosity uncertain by e / |s|, as in any fit of least squares. What both found has to
# lie about so near.

# %%
with torch.no_grad():
    slopes = (fronts(1.1 * best) - fronts(best / 1.1)) / (2 * math.log(1.1))
print(f"errors of {1000 * ERROR:.0f} mm leave it uncertain by {100 * ERROR / slopes.norm():.1f} %")

# %%
import matplotlib.pyplot as plt

times = SECONDS * np.arange(1, FRAMES + 1)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
for viscosity, colour in ((THIN, "tab:orange"), (THICK, "tab:brown"), (best, "tab:blue")):
    with torch.no_grad():
        left.plot(times, fronts(viscosity), color=colour, label=f"{viscosity:.0f} Pa s")
left.errorbar(times, seen, ERROR, fmt="k.", capsize=2, label="seen")
left.set(xlabel="time, s", ylabel="front, m")
left.legend()
for steps, colour, name in (
    (by_torch, "tab:brown", "torch.optim"),
    (by_scipy, "tab:orange", "scipy.optimize"),
):
    right.semilogy([viscosity for viscosity, _ in steps], ".-", color=colour, label=name)
right.axhline(HIDDEN, color="k", linewidth=0.8, linestyle=":", label="hidden")
right.set(xlabel="gradients", ylabel="viscosity, Pa s")
right.legend()
figure.savefig("fit.png", dpi=100)
plt.close(figure)

# %% [markdown]
# And a video: the two liquids that we began with, and the one that was found, with their pressure
# and speed. The line is the front that was seen: as a soft maximum, two cells behind the tip.

# %%
import imageio.v3 as imageio

from fluidsim import draw
from fluidsim.render import write_video
from fluidsim.render.captions import add_caption

TALL = 180  # pixels
WIDE = round(TALL * LENGTH / HEIGHT)
size = (WIDE + TALL, TALL)  # on the right there are small pictures


def pictures(viscosity):
    """One after each frame, (FRAMES, height, width, 3) uint8."""

    def picture(now):
        return torch.tensor(draw(now, size, liquid="honey"))

    with torch.no_grad():
        made = rollout(slab(viscosity), FRAMES, SECONDS, None, picture).observed
    shown = torch.stack(made).numpy()
    for frame, x in zip(shown, seen, strict=True):
        column = round(float(x) / LENGTH * WIDE)
        frame[:, column : column + 2] = (20, 20, 20)
    return np.stack([add_caption(frame, f"{viscosity:.0f} Pa s") for frame in shown])


video = np.concatenate([pictures(each) for each in (THIN, THICK, best)], 1)
write_video("spreading.mp4", list(video), 6)
imageio.imwrite("last_frame.png", video[-1])
