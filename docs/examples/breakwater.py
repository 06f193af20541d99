# %% [markdown]
# # A breakwater shaped by gradients
#
# A dam breaks, and its wave runs over a low mound towards a wall. The mound is a closed B-spline;
# its section may move and rise, but has a fixed area. We look for the shape behind which at most
# half of the wave arrives at the wall, by the gradient of a run with respect to control points.

# %% [markdown]
# ## The mound
#
# Five control points below the floor hold it; the eight above are the unknowns. Heights are scaled
# so that the area stays what it is: scaling is exact, and has a gradient.

# %%
import torch

from fluidsim import LiquidScene
from fluidsim.differentiable import rollout
from fluidsim.solid.shapes import Box
from fluidsim.solid.splines import ClosedCurve, SplineArea

HELD, FLOOR, SECONDS = 5, -0.05, 0.02
low = torch.stack((torch.linspace(0.66, 1.14, HELD), torch.full((HELD,), FLOOR)), 1)
high = torch.stack((torch.linspace(1.1, 0.7, 8), torch.full((8,), 0.07)), 1)
mound = torch.cat((low, high)).double()
area = ClosedCurve(mound).area()


def scaled(control):
    """The same control points at heights that give the curve its area."""
    x, z = control.unbind(1)
    return torch.stack((x, FLOOR + (z - FLOOR) * area / ClosedCurve(control).area()), 1)


def tank_with(control):
    """64 x 32 cells, with water that stands at the left."""
    solids = [SplineArea(ClosedCurve(scaled(control)))]
    scene = LiquidScene(size=(1.6, 0.8), liquid=Box((0.0, 0.0), (0.35, 0.5)), solids=solids)
    return scene.start(resolution=64, solver="cg", threads=1)


# %% [markdown]
# ## What should be small
#
# The pressure on a wall jumps when drops hit it. The momentum that water carries towards the wall
# does not: the mean of density times u squared over the strip in front of it, 0.35 m wide, with a
# soft edge. Its integral over time is an impulse, N s for each metre of the wall's length. We count
# it for 0.6 s: by then the wave has reached the wall, and is not thrown back yet.

# %%
STRIP, EDGE, FRAMES = 1.25, 0.05, 30


def towards_wall(now):
    """Force that the flow in the strip would exert on the wall, N/m."""
    particles, dx = now.particles, now.window.dx
    x = (particles.positions[:, 0] + now.window.origin[0]) * dx
    pace = particles.velocities[:, 0].clamp(min=0)
    mass = now.options.density * dx**2 / 4
    return (mass * pace**2 * torch.sigmoid((x - STRIP) / EDGE)).sum() / (1.6 - STRIP)


def impulse(control):
    made = rollout(tank_with(control), FRAMES, SECONDS, None, towards_wall, FRAMES)
    return SECONDS * torch.stack(made.observed).sum()


# %% [markdown]
# ## Descent
#
# Control points follow the gradient, averaged over neighbours on the curve so that the outline
# stays smooth. A step moves no point farther than `reach`, and counts only if the impulse, computed
# anew, is lower: otherwise it is halved.


# %%
def direction_of(gradient):
    """The way down, averaged; its longest arrow has length 1."""
    own = gradient[HELD:]
    for _ in range(2):
        padded = torch.cat((own[:1], own, own[-1:]))
        own = (padded[:-2] + 2 * own + padded[2:]) / 4
    own = own / own.norm(dim=1).amax()
    return torch.cat((torch.zeros_like(gradient[:HELD]), -own))


control, reach, history, shapes = mound, 0.04, [], [mound]
for _ in range(5):
    unknown = control.clone().requires_grad_()
    value = impulse(unknown)
    value.backward()
    history = history or [value.item()]
    way = direction_of(unknown.grad)
    while reach > 0.001:
        with torch.no_grad():
            trial = scaled(control + reach * way)
            reached = float(impulse(trial))
        if reached < history[-1]:
            break
        reach /= 2
    else:
        break
    control = trial
    shapes.append(control)
    history.append(reached)
    reach = min(1.5 * reach, 0.06)
    print(f"{reached:7.2f} N s/m, {100 * reached / history[0]:5.1f} % of the first")

# %%
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
around = torch.linspace(0, 1, 400, dtype=torch.float64)[:-1]
for number, shape in enumerate(shapes):
    colour = plt.get_cmap("viridis")(number / len(shapes))
    left.plot(*ClosedCurve(shape).at(around).T, color=colour)
left.set(xlim=(0.5, 1.25), ylim=(0, 0.3), aspect="equal", xlabel="x, m", ylabel="z, m")
left.set_title("outline, from the first (dark) to the last")
right.semilogy(history, "o-")
right.axhline(history[0] / 2, color="grey", linestyle=":")
right.set(xlabel="step", ylabel="impulse in 0.6 s, N s/m", title="dotted: half of the first")
figure.savefig("descent.png", dpi=80)
plt.close(figure)

# %% [markdown]
# ## Longer than asked for
#
# Did the wave only come later? The same runs for a whole second, and now also the pressure on the
# wall itself, step by step.

# %%
import numpy as np

from fluidsim import draw
from fluidsim.render import save_picture, write_video

movies = []
for name, shape in (("the mound", mound), ("the breakwater", control)):
    tank = tank_with(shape)
    carried, pushed, pictures = [], [0.0], []

    def measure(tank=tank, pushed=pushed):
        pushed[0] += float(tank.pressure[-1].sum()) * tank.window.dx * tank.dt_before

    for _ in range(50):
        tank.after_substep = measure if tank.window.end[0] == 64 else None
        tank.advance(SECONDS)
        carried.append(SECONDS * float(towards_wall(tank)))
        pictures.append(draw(tank, (640, 360)))
    movies.append(pictures)
    print(f"{name}: carried to the wall {sum(carried[:FRAMES]):.1f} N s/m in 0.6 s, "
          f"{sum(carried):.1f} in 1 s; pressure on it {pushed[0]:.1f} in 1 s; "
          f"area {float(ClosedCurve(scaled(shape)).area()):.4f} m^2")  # fmt: skip

both = [np.concatenate(pair, 1) for pair in zip(*movies, strict=True)]
write_video("breakwater.mp4", both, 15)
save_picture("before_and_after.png", both[FRAMES - 3])
