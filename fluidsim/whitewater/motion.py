"""How whitewater moves from frame to frame, in the flow of the frames before and after.

Ihmsen et al. 2012, sections 3.3 and 3.4: spray flies, with the drag of the air; bubbles rise and
follow the liquid; foam is carried by the surface. Which of them a particle is, the distance to the
surface tells. Each moves in steps of at most about a cell.
"""

from __future__ import annotations

import math

import numba

from fluidsim.render.frame import BUBBLE, FOAM, SPRAY
from fluidsim.whitewater.flow import DISTANCE, SOLID, VELOCITY, WEIGHT
from solvers import kernel_cache  # noqa: F401

THICK = 0.5  # cells: foam is so near to the surface, above it and below
_STEPS = 12  # at most, between frames
_HELD = 0.3  # cells: foam is held so near to the surface
_DEEP = 0.5  # cells: what is deeper in a solid is gone
_STEEP = 0.1  # least slope of a distance that tells where the surface is
_THIN = 1e-3  # density of the liquid's particles below which there is no velocity


@numba.njit(cache=True)
def _corner(values, x, y, z):  # pragma: no cover
    """The lowest of the eight cells around a place in cells, and where in between it is, 0 .. 1."""
    n0, n1, n2, _ = values.shape
    x = min(max(x - 0.5, 0.0), n0 - 1.0)
    y = min(max(y - 0.5, 0.0), n1 - 1.0)
    z = min(max(z - 0.5, 0.0), n2 - 1.0)
    i, j, k = min(int(x), max(n0 - 2, 0)), min(int(y), n1 - 2), min(int(z), n2 - 2)
    return i, j, k, x - i, y - j, z - k


@numba.njit(cache=True)
def _sample(values, x, y, z):  # pragma: no cover
    """Trilinear values at a place in cells: distance, weight, velocity."""
    i, j, k, f, g, h = _corner(values, x, y, z)
    above = min(i + 1, len(values) - 1)
    level, weight, u, v, w = 0.0, 0.0, 0.0, 0.0, 0.0
    for corner in range(8):
        a, b, c = corner >> 2, corner >> 1 & 1, corner & 1
        part = (f if a else 1 - f) * (g if b else 1 - g) * (h if c else 1 - h)
        there = values[above if a else i, j + b, k + c]
        level += part * there[DISTANCE]
        weight += part * there[WEIGHT]
        u += part * there[VELOCITY]
        v += part * there[VELOCITY + 1]
        w += part * there[VELOCITY + 2]
    return level, weight, u, v, w


@numba.njit(cache=True)
def _column(values, x, y, z, column):  # pragma: no cover
    """The trilinear value of one column at a place in cells, and its gradient, a cell."""
    i, j, k, f, g, h = _corner(values, x, y, z)
    above = min(i + 1, len(values) - 1)
    level, dx, dy, dz = 0.0, 0.0, 0.0, 0.0
    for corner in range(8):
        a, b, c = corner >> 2, corner >> 1 & 1, corner & 1
        p, q, r = f if a else 1 - f, g if b else 1 - g, h if c else 1 - h
        there = values[above if a else i, j + b, k + c, column]
        level += p * q * r * there
        dx += (2 * a - 1) * q * r * there
        dy += (2 * b - 1) * p * r * there
        dz += (2 * c - 1) * p * q * there
    return level, dx, dy, dz


@numba.njit(cache=True)
def _kind(level):  # pragma: no cover
    """What a particle is at a distance to the surface, in cells."""
    return SPRAY if level > THICK else (BUBBLE if level < -THICK else FOAM)


@numba.njit(cache=True)
def _held(place, speed, end, is_open):  # pragma: no cover
    """A place on an axis, in cells, and the speed along it: closed sides stop what meets them."""
    if (place < 0 and not is_open[0]) or (place > end and not is_open[1]):
        return min(max(place, 0.0), float(end)), 0.0
    return place, speed


@numba.njit(cache=True, parallel=True)
def move(
    positions, velocities, kind, life, alive, span, before, after, seconds, dx, gravity, drag, rise,
    response, open_sides,
):  # fmt: skip  # pragma: no cover
    """Move particles (n, 3), in cells and m/s, through the last `span` (n,) of the `seconds` before
    a frame, and note their kind, the foam's life and whether they are alive.

    before, after: values of flows. gravity: (3,), m/s^2. open_sides: (3, 2) bool.
    """
    cells = before.shape
    strength = math.sqrt(gravity[0] ** 2 + gravity[1] ** 2 + gravity[2] ** 2)
    for p in numba.prange(len(positions)):
        x, y, z = float(positions[p, 0]), float(positions[p, 1]), float(positions[p, 2])
        u, v, w = float(velocities[p, 0]), float(velocities[p, 1]), float(velocities[p, 2])
        _, _, fu, fv, fw = _sample(before, x, y, z)
        speed = math.sqrt(u * u + v * v + w * w) + strength * span[p]
        speed = max(speed, math.sqrt(fu * fu + fv * fv + fw * fw))
        steps = min(max(math.ceil(speed * span[p] / dx), 1), _STEPS)
        dt = span[p] / steps
        for step in range(steps):
            late = 1 - span[p] / seconds * (1 - (step + 0.5) / steps)
            here, other = (before, after) if late < 0.5 else (after, before)
            level, weight, fu, fv, fw = _sample(here, x, y, z)
            if weight < _THIN:
                _, weight, fu, fv, fw = _sample(other, x, y, z)
            is_now = _kind(level / dx)
            if is_now == SPRAY:
                left = math.exp(-drag * dt)
                push = dt if drag * dt < 1e-6 else (1 - left) / drag
                old_u, old_v, old_w = u, v, w
                u = u * left + gravity[0] * push
                v = v * left + gravity[1] * push
                w = w * left + gravity[2] * push
                x += dt / dx * (old_u + u) / 2
                y += dt / dx * (old_v + v) / 2
                z += dt / dx * (old_w + w) / 2
            else:
                if is_now == BUBBLE:
                    left = math.exp(-dt / response)
                    up = rise / max(strength, 1e-9)
                    fu -= up * gravity[0]
                    fv -= up * gravity[1]
                    fw -= up * gravity[2]
                    u, v, w = fu + (u - fu) * left, fv + (v - fv) * left, fw + (w - fw) * left
                else:
                    u, v, w = fu, fv, fw
                    life[p] -= dt
                x += dt / dx * u
                y += dt / dx * v
                z += dt / dx * w

            x, u = _held(x, u, cells[0], open_sides[0])
            y, v = _held(y, v, cells[1], open_sides[1])
            z, w = _held(z, w, cells[2], open_sides[2])
            inside, a, b, c = _column(after, x, y, z, SOLID)
            if inside < 0:
                steep = math.sqrt(a * a + b * b + c * c)
                if inside < -_DEEP * dx or steep == 0:
                    alive[p] = False
                    break
                a, b, c = a / steep, b / steep, c / steep
                x, y, z = x - a * inside / dx, y - b * inside / dx, z - c * inside / dx
                into = min(u * a + v * b + w * c, 0.0)
                u, v, w = u - into * a, v - into * b, w - into * c

        level, a, b, c = _column(after, x, y, z, DISTANCE)
        kind[p] = _kind(level / dx)
        square = a * a + b * b + c * c
        if kind[p] == FOAM and square > (_STEEP * dx) ** 2:
            back = (level - min(max(level, -_HELD * dx), _HELD * dx)) / square
            x, y, z = x - a * back, y - b * back, z - c * back
        outside = min(x, y, z) < 0 or x > cells[0] or y > cells[1] or z > cells[2]
        alive[p] = alive[p] and life[p] > 0 and not outside
        positions[p, 0], positions[p, 1], positions[p, 2] = x, y, z
        velocities[p, 0], velocities[p, 1], velocities[p, 2] = u, v, w
