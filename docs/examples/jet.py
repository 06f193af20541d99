# %% [markdown]
# # A jet that fills a cup behind a wall
#
# A nozzle at the floor throws liquid over a wall into a cup. Where to aim, how fast, and for how
# long? We begin with a jet that hits the wall and pours too little, and follow the gradient of the
# whole run. `python docs/examples/jet.py --dim 3` does the same in space, where the cup stands off
# to the side.

# %%
import argparse

import torch

from fluidsim import Inflow, LiquidScene, draw
from fluidsim.differentiable import rollout
from fluidsim.solid.shapes import Box, Sphere

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--dim", type=int, choices=(2, 3), default=2)
DIM = parser.parse_known_args()[0].dim
CELLS, RUNS, UNIT = {2: (40, 16, 0.1), 3: (32, 14, 0.3)}[DIM]
TAKEOFF, FRAMES, SECONDS = 2, 28, 0.05


def at(x, y, z):
    """A point in space, or in the plane without its y."""
    return (x, y, z) if DIM == 3 else (x, z)


SIZE = at(1.6, 1.0, 1.2)
NOZZLE, RADIUS = at(0.15, 0.4, 0.2), {2: 0.05, 3: 0.075}[DIM]
WALL, HEIGHT = 0.65, 0.6  # where it stands, and how high
CUP, HALF, RIM, THICK = at(1.22, 0.6, 0.0), 0.15, 0.4, 0.07  # centre, half of its width, height
FILL = 0.7  # of the cup: how much we want in it

# %% [markdown]
# ## The scene
#
# The unknowns are the velocity of the inflow, m/s, and the time when it stops, in units of about
# what it takes.


# %%
def walls_of_cup():
    """One on each side."""
    low, high = ([c + side * (HALF + THICK) for c in CUP[:-1]] for side in (-1, 1))
    for axis in range(DIM - 1):
        for side in (-1, 1):
            first, last = [*low, -1.0], [*high, RIM]
            (last if side < 0 else first)[axis] = CUP[axis] + side * HALF
            yield Box(tuple(first), tuple(last))


SOLIDS = [
    Box(at(WALL - 0.04, -1.0, -1.0), at(WALL + 0.04, 2.0, HEIGHT)),
    Box(at(0.1, 0.35, -1.0), at(0.2, 0.45, 0.12)),  # the foot of the nozzle
    *walls_of_cup(),
]


def start(unknown):
    nozzle = Sphere(NOZZLE, RADIUS)
    jet = Inflow(nozzle, unknown[:-1], until=UNIT * float(unknown[-1].detach()))
    scene = LiquidScene(size=SIZE, liquid=nozzle, inflows=[jet], solids=SOLIDS)
    return scene.start(resolution=CELLS, solver="multigrid", threads=1)


first = torch.tensor((*at(2.4, 0.0, 1.7), 1.2))
DX = start(first).grid.dx
print(start(first).grid.shape, "cells")

# %% [markdown]
# ## What is small when we are right
#
# Once liquid has hit something, where it goes depends so roughly on the aim that gradients are of
# no use. So the gradient goes through the run up to its second frame, when the jet is in the air
# before the wall, and from there on along the parabola of each particle: by how much it clears the
# wall, and where it comes down to the rim of the cup. A jet that is too weak for that has its
# highest point in the place of this, so that every jet knows how to become better.

# %%
GRAVITY, SPARE = 9.81, 0.08


def miss(now):
    """By how much the particles miss the cup and the top of the wall, m: a mean."""
    places = now.window.metres(now.particles.positions)
    velocities = now.particles.velocities
    up = velocities[:, -1]
    left = up.square() + 2 * GRAVITY * (places[:, -1] - RIM)  # of the speed at the rim, squared
    seconds = (up + torch.nn.functional.softplus(left, 4.0).sqrt()) / GRAVITY
    beside = places[:, :-1] + velocities[:, :-1] * seconds[:, None] - torch.tensor(CUP[:-1])
    to_wall = (WALL - places[:, 0]) / velocities[:, 0].clamp(min=0.5)
    height = places[:, -1] + up * to_wall - GRAVITY / 2 * to_wall.square()
    below = 0.05 * torch.nn.functional.softplus((HEIGHT + SPARE - height) / 0.05)
    return ((beside.square().sum(1) + DX**2).sqrt() + 2 * below).mean()


# %% [markdown]
# The other half of the loss is how full the cup is at the end. Which particles are poured is held
# by a gradient, so their number knows nothing of the time when the jet stops. But what a nozzle
# pours is known: cross-section times speed times time. So the loss has the liquid that is in the
# cup, and its gradient takes it to grow like what is poured. The share that stays in the cup is
# held.

# %%
ROOM = (2 * HALF) ** (DIM - 1) * RIM


def landed(now):
    """The share of the liquid that is in the cup, and how full that is."""
    places = now.window.metres(now.particles.positions)
    within = (places[:, :-1] - torch.tensor(CUP[:-1])).abs().amax(1) < HALF
    within &= places[:, -1] < RIM
    volume = float(within.sum()) * DX**DIM / 2**DIM
    return float(within.float().mean()), volume / ROOM


def loss_of(unknown):
    """The loss, and what `landed` says at the end."""
    simulation = start(unknown)
    aside = rollout(simulation, TAKEOFF, SECONDS, None, miss, TAKEOFF).observed[-1]
    with torch.no_grad():
        for _ in range(TAKEOFF, FRAMES):
            simulation.advance(SECONDS)
    end = landed(simulation)
    poured = unknown[:-1].norm() * unknown[-1]
    full = end[1] * poured / poured.detach()
    return aside + (full / FILL - 1).square(), end


# %% [markdown]
# ## The way down
#
# A step along the gradient counts only if the loss is lower after it, that of the whole run; if
# not, a shorter one is tried.

# %%
unknown, reach = first.requires_grad_(), 0.5
loss, before = loss_of(unknown)
(slope,) = torch.autograd.grad(loss, unknown)
after, course = before, [float(loss.detach())]
for _ in range(RUNS):
    tried = (unknown - reach * slope / slope.norm()).detach().requires_grad_()
    other, end = loss_of(tried)
    if other < loss:
        unknown, loss, after = tried, other, end
        (slope,) = torch.autograd.grad(loss, unknown)
        values = " ".join(f"{each:.2f}" for each in unknown.tolist())
        print(f"loss {float(loss.detach()):.3f} at {values}")
    reach *= 1.5 if unknown is tried else 0.4
    course.append(float(loss.detach()))

for name, (share, full) in (("before", before), ("after", after)):
    print(f"{name}: {share:.0%} of the liquid is in the cup, which is {full:.0%} full")

# %% [markdown]
# In space (`--dim 3`, 32 x 20 x 24 cells, 14 runs) it went from 0 % to 73 % of the liquid in the
# cup, 69 % full.

# %% [markdown]
# ## What it looks like
#
# The first jet, and the one that was found: as the last of it comes down, and at the end.

# %%
import imageio.v3 as imageio
import matplotlib.pyplot as plt
import numpy as np

from fluidsim.render import write_video

WIDTH = 480


def pictures(unknown):
    """One after each frame, (FRAMES, height, width, 3) uint8."""

    def picture(now):
        return torch.tensor(draw(now, (WIDTH, WIDTH * 9 // 16)))

    with torch.no_grad():
        made = rollout(start(unknown), FRAMES, SECONDS, None, picture).observed
    return torch.stack(made).numpy()


video = np.concatenate([pictures(each) for each in (first, unknown)], 2)
write_video("jet.mp4", list(video), 1 / SECONDS)
imageio.imwrite("frames.png", np.concatenate([video[FRAMES // 3], video[-1]]))

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.plot(course, ".-")
axes.set(xlabel="runs", ylabel="loss", ylim=(0, None))
figure.savefig("loss.png", dpi=90)
plt.close(figure)
