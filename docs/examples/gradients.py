# %% [markdown]
# # The velocity at the start, from the smoke at the end
#
# A puff of smoke in a room of 32 x 40 cells is blown about for 20 steps. We only see the smoke at
# the end, and look for the velocity at the start: some 2 600 unknowns, and a gradient for all of
# them at the price of a few runs.

# %% [markdown]
# ## The room
#
# Smoke without buoyancy, in float32 as in any run. The flow that we look for is an eddy that winds
# the puff around itself.

# %%
import torch

from fluidsim import SmokeOptions, SmokeScene
from fluidsim.differentiable import rollout

still = SmokeOptions(weight=0.0, lift=0.0, vorticity=0.0, cooling=0.0)
scene = SmokeScene(size=(0.8, 1.0), physics=still)
room = scene.start(resolution=40, solver="cg", threads=1)
grid, STEPS, SECONDS = room.grid, 20, 0.02

x, z = grid.cell_positions(room.device).unbind(-1)
scalars = torch.zeros_like(room.scalars)
scalars[0] = torch.exp(-((x - 0.3) ** 2 + (z - 0.35) ** 2) / 0.005)

faces = [grid.face_positions(axis, room.device).unbind(-1) for axis in range(2)]
wind = torch.zeros_like(room.velocity)
for axis, (u, w) in enumerate(faces):
    bell = torch.exp(-((u - 0.35) ** 2 + (w - 0.5) ** 2) / 0.04)
    wind[axis] = 8 * bell * ((w - 0.5) if axis == 0 else (0.35 - u)) + 0.4 * bell


def end_of(velocity, segment=None):
    """The density at the end, (32, 40)."""
    before = {"velocity": velocity, "scalars": scalars}
    return grid.cells(rollout(fresh(), STEPS, SECONDS, before, segment=segment).state["scalars"][0])


def fresh():
    return scene.start(resolution=40, solver="cg", threads=1)


with torch.no_grad():
    target = end_of(wind)
print(grid.shape, "cells; smoke at the end:", float(target.sum()))


# %% [markdown]
# ## What is small when we are right
#
# Smoke that lies beside the target should know where to go, so we compare blurred pictures. The
# unknown is blurred, too: we look for a smooth flow.


# %%
def blurred(fields, cells):
    """Fields (..., nx, nz) averaged with a Gaussian of this width."""
    line = torch.exp(-0.5 * (torch.arange(-3 * cells, 3 * cells + 1) / cells) ** 2)
    line = line / line.sum()
    images = fields.view(-1, 1, *fields.shape[-2:])
    images = torch.nn.functional.conv2d(images, line.view(1, 1, -1, 1), padding=(3 * cells, 0))
    images = torch.nn.functional.conv2d(images, line.view(1, 1, 1, -1), padding=(0, 3 * cells))
    return images.view(fields.shape)


def loss_of(guess, segment=STEPS):
    """The squared difference of the blurred pictures, as a share of the target's."""
    difference = end_of(blurred(guess, 3), segment) - target
    return blurred(difference, 2).square().sum() / blurred(target, 2).square().sum()


# %% [markdown]
# ## With torch.optim
#
# L-BFGS from air at rest.

# %%
guess = torch.zeros_like(wind, requires_grad=True)
optimiser = torch.optim.LBFGS([guess], max_iter=24, max_eval=24, line_search_fn="strong_wolfe")
losses = []


def closure():
    optimiser.zero_grad()
    loss = loss_of(guess)
    loss.backward()
    losses.append(float(loss.detach()))
    return loss


optimiser.step(closure)
print(f"loss {losses[0]:.3g} at rest, {min(losses):.2g} after {len(losses)} gradients")

# %% [markdown]
# ## With scipy.optimize
#
# The same from a flat array of doubles.

# %%
import numpy as np
from scipy.optimize import minimize


def value_and_gradient(flat):
    unknown = torch.tensor(flat, dtype=torch.float32).view_as(wind).requires_grad_()
    loss = loss_of(unknown)
    loss.backward()
    return float(loss.detach()), unknown.grad.double().numpy().ravel()


found = minimize(
    value_and_gradient, np.zeros(wind.numel()), jac=True, method="L-BFGS-B",
    options={"maxfun": 24},
)  # fmt: skip
print(f"loss {found.fun:.2g} after {found.nfev} gradients")

# %% [markdown]
# ## What came of it

# %%
import imageio.v3 as imageio
import matplotlib.pyplot as plt

from fluidsim.render import write_video

best = blurred(torch.tensor(found.x, dtype=torch.float32).view_as(wind), 3)
with torch.no_grad():
    reached = end_of(best)
error = (reached - target).square().sum() / target.square().sum()
print(f"pixel by pixel the squared difference is {float(error):.2g} of the target's")
figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
pictures = {"at the start": grid.cells(scalars[0]), "target": target, "reached": reached}
for place, (title, density) in zip(axes, pictures.items(), strict=False):
    place.imshow(density.numpy().T, origin="lower", cmap="magma", vmin=0, vmax=1)
    place.set(title=title, xticks=[], yticks=[])
axes[3].semilogy(np.minimum.accumulate(losses))
axes[3].set(title="loss", xlabel="gradients")
figure.savefig("recovered.png", dpi=100)
plt.close(figure)

# %% [markdown]
# And a video: the target on the left, what was found on the right.

# %%
runs = []
with torch.no_grad():
    for velocity in (wind, best):
        before = {"velocity": velocity, "scalars": scalars}
        made = rollout(fresh(), STEPS, SECONDS, before, lambda now: now.density.clone())
        runs.append(torch.stack(made.observed))
both = torch.cat(runs, 1).clamp(0, 1).transpose(1, 2).flip(1)
shades = (plt.get_cmap("magma")(both.numpy())[..., :3] * 255).astype(np.uint8)
shades = shades.repeat(8, 1).repeat(8, 2)
write_video("recovered.mp4", list(shades), 10)
imageio.imwrite("last_frame.png", shades[-1])

# %% [markdown]
# ## What a gradient costs
#
# Processor time of a run by itself, of a run with its gradient, and of both in segments; and what
# torch holds for the way back. (On so few cells most of the time is torch's own, not that of
# numbers.)

# %%
import time


def seconds_of(segment):
    """Of a run with its gradient."""
    start = time.process_time()
    loss_of(wind.clone().requires_grad_(), segment).backward()
    return time.process_time() - start


room.restore({**room.state(), "velocity": wind, "scalars": scalars})
start = time.process_time()
for _ in range(STEPS):
    room.advance(SECONDS)
print(f"a run by itself               {time.process_time() - start:5.2f} s")
print(f"with its gradient             {seconds_of(STEPS):5.2f} s")
print(f"with its gradient, 5 segments {seconds_of(4):5.2f} s")

# %%
held = {}  # memory by its address


def remember(each):
    """What torch does with a tensor that the way back needs."""
    held[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
    return each


with torch.autograd.graph.saved_tensors_hooks(remember, lambda each: each):
    loss_of(wind.clone().requires_grad_(), STEPS)
records = sum(held.values()) / 1e6
states = sum(each.nbytes for each in room.state().values()) / 1e6
print(f"records of a step {records / STEPS:.2f} MB, a state {states:.2f} MB")
print(f"all kept {records:.1f} MB, in 5 segments {records / 5 + 5 * states:.1f} MB")
