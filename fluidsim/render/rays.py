# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Rays through sampled distances: what the renderers of water and of smoke share.

Scenes are scaled so that the longest side of the domain is 1. A volume holds values on the nodes
of the box [0, upper]; its spacing follows from its shape.
"""

from typing import Any, NamedTuple

import taichi as ti

from fluidsim.render.arrays import vec2, vec3

FAR = 1e6
REFRACTION = 1.33  # index of water
_MIRROR = 0.133  # cosine of the angle in air below which most light stays in the water
_LEAST_STEP = 0.6  # shortest step along a ray, in nodes
_STRETCH = 512  # rays that a thread traces at a time
_SIDE = 16  # side in nodes of the squares of a map that a thread fills


class Sdf(NamedTuple):
    """A signed distance as kernels pass it on: a volume, and the spacing of its nodes.

    It exists while Taichi compiles: ``ti.static(Sdf(values, spacing))``, taken as a template.
    """

    values: Any
    spacing: Any


@ti.dataclass
class Pinhole:
    """A camera: the unit vector forward; right and up scaled to half the size of the picture; the
    sides of a pixel as parts of them."""

    eye: vec3
    forward: vec3
    right: vec3
    up: vec3
    pixel: vec2


@ti.dataclass
class Ray:
    """Points origin + t * direction; the direction is a unit vector."""

    origin: vec3
    direction: vec3


@ti.dataclass
class Hit:
    """Where a ray meets the floor or a solid; outward: the normal there."""

    point: vec3
    outward: vec3
    direction: vec3  # of the ray
    distance: ti.f32  # along the ray
    on_floor: ti.i32


@ti.func
def spacing_of(volume: ti.template(), upper):
    """The spacing of a volume's nodes on the box [0, upper]."""
    return upper[2] / (volume.shape[2] - 1)


@ti.func
def primary_direction(pinhole, place):
    """The direction of the ray through a place on the picture."""
    direction = pinhole.forward + place.x * pinhole.right + place.y * pinhole.up
    return direction.normalized()


@ti.func
def stretch_count(places: ti.template()):
    """The number of stretches into which the rays of a picture are divided."""
    return (places.shape[0] + _STRETCH - 1) // _STRETCH


@ti.func
def stretch(number, places: ti.template()):
    """The first ray of a stretch and the one after its last; equal beyond the last stretch."""
    first = ti.min(number * _STRETCH, places.shape[0])
    return first, ti.min(first + _STRETCH, places.shape[0])


@ti.func
def square_count(nodes: ti.template()):
    """The number of squares into which the nodes of a map are divided."""
    return ((nodes.shape[0] + _SIDE - 1) // _SIDE) * ((nodes.shape[1] + _SIDE - 1) // _SIDE)


@ti.func
def square_of(number, nodes: ti.template()):
    """The first node of a square of a map and the one after its last, along both axes."""
    across = (nodes.shape[1] + _SIDE - 1) // _SIDE
    low = ti.Vector([number // across, number % across]) * _SIDE
    return low, ti.min(low + _SIDE, ti.Vector([nodes.shape[0], nodes.shape[1]]))


@ti.func
def sample(volume: ti.template(), place):
    """The trilinear value at a place in units of the spacing, clamped to the volume."""
    last = ti.Vector([volume.shape[0], volume.shape[1], volume.shape[2]]) - 1.001
    q = ti.math.clamp(place, 0.0, last)
    i = ti.cast(q, ti.i32)
    f = q - i
    x, y, z = i[0], i[1], i[2]
    lines = ti.Vector([0.0, 0.0, 0.0, 0.0])
    for line in ti.static(range(4)):
        a, b = x + ti.static(line // 2), y + ti.static(line % 2)
        low = volume[a, b, z]
        lines[line] = low + f[2] * (volume[a, b, z + 1] - low)
    near = lines[0] + f[1] * (lines[1] - lines[0])
    far = lines[2] + f[1] * (lines[3] - lines[2])
    return near + f[0] * (far - near)


@ti.func
def nearest(volume: ti.template(), place):
    """The value at the node nearest to a place in units of the spacing."""
    last = ti.Vector([volume.shape[0], volume.shape[1], volume.shape[2]]) - 1
    node = ti.math.clamp(ti.cast(place + 0.5, ti.i32), 0, last)
    return volume[node]


@ti.func
def normal(volume: ti.template(), place, reach):
    """The unit vector along the gradient, by central differences over `reach` nodes each way."""
    slope = vec3(0.0)
    for axis in ti.static(range(3)):
        step = vec3(0.0)
        step[axis] = reach
        slope[axis] = sample(volume, place + step) - sample(volume, place - step)
    return slope / ti.max(slope.norm(), 1e-9)


@ti.func
def box_span(origin, direction, upper):
    """Distances at which a ray enters and leaves the box [0, upper]; if it misses, entry > exit."""
    first, second = -origin / direction, (upper - origin) / direction
    return ti.max(ti.min(first, second).max(), 0.0), ti.max(first, second).min()


@ti.func
def box_normal(point, upper):
    """The outward normal of the box [0, upper] at a point on its surface."""
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
def _safe_step(sdf: ti.template(), place, sign):
    """How far a ray may go from a place without crossing, and sign * value there.

    Far from the surface the nearest node tells: its value less one spacing is a lower bound.
    """
    value = sign * nearest(sdf.values, place / sdf.spacing)
    way = value - sdf.spacing
    if way < sdf.spacing:
        value = sign * sample(sdf.values, place / sdf.spacing)
        way = ti.max(value, _LEAST_STEP * sdf.spacing)
    return way, value


@ti.func
def first_crossing(sdf: ti.template(), ray, start, end, sign):
    """The distance along a ray at which sign * value first turns negative; FAR if it does not.

    It is `start` if the value is negative there. The values must be lower bounds of the distance
    to the crossing, up to a factor that the least steps make up for.
    """
    result = FAR
    t, before, t_before = start, -1.0, start
    while t < end:
        way, value = _safe_step(sdf, ray.origin + ray.direction * t, sign)
        if value < 0:
            result = zero_between(sdf, ray, t_before, before, t, value, sign)
            break
        before, t_before = value, t
        t += way
    return result


@ti.func
def zero_between(sdf: ti.template(), ray, start, first, end, last, sign):
    """Where sign * value, `first` at the start and `last` < 0 at the end, is zero.

    It is the end if the value is negative at the start already.
    """
    result = end
    if first > 0:
        result = start + (end - start) * first / (first - last)
        value = sign * sample(sdf.values, (ray.origin + ray.direction * result) / sdf.spacing)
        if value < 0:
            result = start + (result - start) * first / (first - value)
        else:
            result += (end - result) * value / (value - last)
    return result


@ti.func
def refracted(direction, facing, inside):
    """The direction behind a water surface, or the mirrored one if most light stays in the water.

    facing: the normal on the side that the ray comes from; inside: that side is water. Also
    returns the cosine of the angle of incidence, and whether the ray passes.
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
def map_value(values: ti.template(), place):
    """The bilinear value of a map at a place in units of its spacing; 1 outside."""
    result = 1.0
    if 0 <= place[0] < values.shape[0] - 1 and 0 <= place[1] < values.shape[1] - 1:
        i, j = int(place[0]), int(place[1])
        f, g = place[0] - i, place[1] - j
        low = values[i, j] * (1 - g) + values[i, j + 1] * g
        high = values[i + 1, j] * (1 - g) + values[i + 1, j + 1] * g
        result = low * (1 - f) + high * f
    return result


@ti.func
def _triangle(x):
    """The integral of a square wave that is 1 and -1 on alternate intervals of length 1."""
    return 1 - ti.abs(2 * ti.math.fract(0.5 * x) - 1)


@ti.func
def checker(point, size, width):
    """A chess board of 0 and 1 on the floor, averaged over a rectangle of the given sides."""
    product = 1.0
    for axis in ti.static(range(2)):
        half = 0.5 * ti.max(width[axis] / size, 2e-3)
        x = point[axis] / size
        product *= (_triangle(x + half) - _triangle(x - half)) / (2 * half)
    return 0.5 - 0.5 * product


@ti.func
def display(colour):
    """Picture values 0 .. 1 of linear light: Narkowicz's fit of the ACES curve, then sRGB."""
    x = ti.max(colour, 0.0)
    mapped = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
    return ti.pow(ti.math.clamp(mapped, 0.0, 1.0), 1 / 2.2)
