# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Rays through sampled distances: what the water and the smoke renderer share.

Scenes are scaled so that the longest side of the domain is 1. Grids hold values on the nodes of
the box [0, upper]; their spacing follows from their shape.
"""

from typing import Any

import taichi as ti

vec2: Any = ti.math.vec2
vec3: Any = ti.math.vec3
Grid: Any = ti.types.ndarray(dtype=ti.f32, ndim=3)
Map: Any = ti.types.ndarray(dtype=ti.f32, ndim=2)
Seen: Any = ti.types.ndarray(dtype=ti.math.vec4, ndim=1)  # a colour and a distance
Pixels: Any = ti.types.ndarray(dtype=ti.math.vec2, ndim=1)

FAR = 1e6
REFRACTION = 1.33  # of water
_MIRROR = 0.133  # cosine of the angle in air below which most light stays in the water
_LEAST_STEP = 0.6  # of a ray, in nodes
_STRETCH = 512  # rays that a thread traces at a time
_SIDE = 16  # nodes along a side of a square of a map that a thread fills


@ti.dataclass
class View:
    """A camera: unit vector forward; right and up scaled to half the picture's size."""

    eye: vec3
    forward: vec3
    right: vec3
    up: vec3


@ti.func
def stretch_count(places: ti.template()):
    """Into how many stretches the rays of a picture are dealt out."""
    return (places.shape[0] + _STRETCH - 1) // _STRETCH


@ti.func
def stretch(number, places: ti.template()):
    """The first ray of a stretch and the one after its last; none of a stretch that is not."""
    first = ti.min(number * _STRETCH, places.shape[0])
    return first, ti.min(first + _STRETCH, places.shape[0])


@ti.func
def square_count(grid: ti.template()):
    """Into how many squares the nodes of a map are dealt out."""
    return ((grid.shape[0] + _SIDE - 1) // _SIDE) * ((grid.shape[1] + _SIDE - 1) // _SIDE)


@ti.func
def square_of(number, grid: ti.template()):
    """The first node of a square of a map and the one after its last, along both axes."""
    across = (grid.shape[1] + _SIDE - 1) // _SIDE
    low = ti.Vector([number // across, number % across]) * _SIDE
    return low, ti.min(low + _SIDE, ti.Vector([grid.shape[0], grid.shape[1]]))


@ti.func
def sample(grid: ti.template(), place):
    """Trilinear value at a place given in units of the grid's spacing, clamped to the grid."""
    last = ti.Vector([grid.shape[0], grid.shape[1], grid.shape[2]]) - 1.001
    q = ti.math.clamp(place, 0.0, last)
    i = ti.cast(q, ti.i32)
    f = q - i
    x, y, z = i[0], i[1], i[2]
    lines = ti.Vector([0.0, 0.0, 0.0, 0.0])
    for line in ti.static(range(4)):
        a, b = x + ti.static(line // 2), y + ti.static(line % 2)
        low = grid[a, b, z]
        lines[line] = low + f[2] * (grid[a, b, z + 1] - low)
    near = lines[0] + f[1] * (lines[1] - lines[0])
    far = lines[2] + f[1] * (lines[3] - lines[2])
    return near + f[0] * (far - near)


@ti.func
def nearest(grid: ti.template(), place):
    """Value at the node that is nearest to a place in units of the grid's spacing."""
    last = ti.Vector([grid.shape[0], grid.shape[1], grid.shape[2]]) - 1
    node = ti.math.clamp(ti.cast(place + 0.5, ti.i32), 0, last)
    return grid[node]


@ti.func
def normal(grid: ti.template(), place, reach):
    """Unit vector along the gradient: central differences over `reach` nodes to both sides."""
    slope = vec3(0.0)
    for axis in ti.static(range(3)):
        step = vec3(0.0)
        step[axis] = reach
        slope[axis] = sample(grid, place + step) - sample(grid, place - step)
    return slope / ti.max(slope.norm(), 1e-9)


@ti.func
def box_span(origin, direction, upper):
    """Distances at which a ray enters and leaves the box [0, upper]; entry > exit: a miss."""
    first, second = -origin / direction, (upper - origin) / direction
    return ti.max(ti.min(first, second).max(), 0.0), ti.max(first, second).min()


@ti.func
def box_normal(point, upper):
    """Outward normal of the face of the box [0, upper] that a point on it belongs to."""
    best = FAR
    result = vec3(0.0)
    for axis in ti.static(range(3)):
        for side in ti.static(range(2)):
            away = ti.abs(point[axis] - side * upper[axis])
            if away < best:
                best = away
                result = vec3(0.0)
                result[axis] = 2.0 * side - 1.0
    return result


@ti.func
def _free_way(grid: ti.template(), spacing, place, sign):
    """How far a ray may go from a place, in units of `spacing`, and sign * value there.

    Where that is far the nearest node tells it, which is a lower bound less a node.
    """
    value = sign * nearest(grid, place / spacing)
    way = value - spacing
    if way < spacing:
        value = sign * sample(grid, place / spacing)
        way = ti.max(value, _LEAST_STEP * spacing)
    return way, value


@ti.func
def first_crossing(grid: ti.template(), spacing, origin, direction, start, end, sign):
    """Distance along a ray to where sign * value first turns negative, FAR when it does not.

    `start` itself when it is negative there. The values must be lower bounds of the distance to
    the crossing, up to a factor that the least steps make up for.
    """
    result = FAR
    t, before, t_before = start, -1.0, start
    while t < end:
        way, value = _free_way(grid, spacing, origin + direction * t, sign)
        if value < 0:
            result = zero_between(
                grid, spacing, origin, direction, t_before, before, t, value, sign
            )
            break
        before, t_before = value, t
        t += way
    return result


@ti.func
def zero_between(grid: ti.template(), spacing, origin, direction, start, first, end, last, sign):
    """Where sign * value, `first` > 0 at the start and `last` < 0 at the end, is zero; the end
    itself where it is negative at the start."""
    result = end
    if first > 0:
        result = start + (end - start) * first / (first - last)
        value = sign * sample(grid, (origin + direction * result) / spacing)
        if value < 0:
            result = start + (result - start) * first / (first - value)
        else:
            result += (end - result) * value / (value - last)
    return result


@ti.func
def refracted(direction, facing, inside):
    """Direction behind a water surface, or the mirrored one where most light stays in the water.

    facing: the surface's normal towards where the ray comes from; inside: it comes from water.
    Returns also the cosine of the angle of incidence and whether the ray passes.
    """
    cosine = ti.max(-facing.dot(direction), 0.0)
    ratio = REFRACTION if inside else 1 / REFRACTION
    square = 1 - ratio * ratio * (1 - cosine * cosine)
    result = direction + 2 * cosine * facing
    passes = square > _MIRROR * _MIRROR
    if passes:
        result = ratio * direction + (ratio * cosine - ti.sqrt(square)) * facing
    return result.normalized(), cosine, passes


@ti.func
def map_value(grid: ti.template(), place):
    """Bilinear value of a map at a place in units of its spacing, 1 outside of it."""
    result = 1.0
    if 0 <= place[0] < grid.shape[0] - 1 and 0 <= place[1] < grid.shape[1] - 1:
        i, j = int(place[0]), int(place[1])
        f, g = place[0] - i, place[1] - j
        low = grid[i, j] * (1 - g) + grid[i, j + 1] * g
        high = grid[i + 1, j] * (1 - g) + grid[i + 1, j + 1] * g
        result = low * (1 - f) + high * f
    return result


@ti.func
def _triangle(x):
    """Integral of what is 1 and -1 in turn, on intervals of length 1."""
    return 1 - ti.abs(2 * ti.math.fract(0.5 * x) - 1)


@ti.func
def checker(point, size, width):
    """0 or 1: the field of a chess board on the floor; its mean over a square of a width."""
    half = 0.5 * ti.max(width / size, 2e-3)
    product = 1.0
    for axis in ti.static(range(2)):
        x = point[axis] / size
        product *= (_triangle(x + half) - _triangle(x - half)) / (2 * half)
    return 0.5 - 0.5 * product


@ti.func
def display(colour):
    """Linear light to a picture's values in 0 .. 1: Narkowicz's fit of the ACES curve, sRGB."""
    x = ti.max(colour, 0.0)
    mapped = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
    return ti.pow(ti.math.clamp(mapped, 0.0, 1.0), 1 / 2.2)
