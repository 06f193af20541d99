# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Sunlight on the floor: shadows of solids, shadows and caustics of water.

Once a frame, light is traced from the sun through the scene; the renderers look the floor up in
the resulting map.
"""

from dataclasses import dataclass

import numpy as np
import taichi as ti
from scipy.ndimage import gaussian_filter

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Map, Marks, Places, Volume, vec2, vec3
from fluidsim.render.leaps import WATER, Leaps, first_of_two
from fluidsim.render.rays import (
    FAR,
    Ray,
    Sdf,
    box_normal,
    box_span,
    refracted,
    spacing_of,
    square_count,
    square_of,
)
from fluidsim.render.slopes import smooth_normal
from fluidsim.render.solids import sun_share

_TEXELS = 290  # along the unit of length
_BLUR = 1.3  # texels: standard deviation of the filter that smooths caustics
_INTERFACES = 4  # water surfaces that a ray may meet
_OFF_WALLS = 1e-4  # where rays go on that a wall mirrors or lets through
_GRAZING = 0.05  # rays that descend less steeply are lost


@dataclass(frozen=True)
class FloorMap:
    """Light on the floor as a part of full sunlight: values[i, j] at lower + (i, j) * spacing."""

    values: np.ndarray
    lower: np.ndarray
    spacing: float


def floor_places(upper: np.ndarray, sun: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Points (n, m, 2) of the floor that cover the shadow of the box [0, upper].

    Also returns their lower corner and their spacing.
    """
    spacing = 1 / _TEXELS
    reach = -sun[:2] / sun[2] * upper[2]
    lower = np.minimum(reach, 0) - 0.05
    count = np.ceil((np.maximum(reach, 0) + upper[:2] + 0.05 - lower) / spacing).astype(int) + 1
    places = np.stack(np.meshgrid(*[np.arange(n) for n in count], indexing="ij"), -1)
    return (lower + places * spacing).astype(np.float32), lower, spacing


def through_water(
    water: np.ndarray, solid: np.ndarray, leaps: Leaps, upper: np.ndarray, sun: np.ndarray,
    absorption: float,
) -> FloorMap:  # fmt: skip
    """Light that the water refracts and solids stop; water, solid: distances over [0, upper]."""
    places, lower, spacing = floor_places(upper, sun)
    shape = places.shape[:2]
    landing = places.reshape(-1, 2).copy()
    power = np.empty(shape, np.float32)
    _trace_light(
        landing, power, water, leaps.marks, leaps.free, solid, vec3(*upper), vec3(*sun), absorption
    )
    values = np.zeros(shape, np.float32)
    _deposit(values, landing, power, vec2(*lower), spacing, vec2(*upper[:2]))
    for axis in (0, 1):  # rays from beyond the map were not traced
        np.moveaxis(values, axis, 0)[[0, -1]] = 1
    inside = np.all((places > 0) & (places < upper[:2].astype(np.float32)), -1)
    return FloorMap(_smoothed(values, inside), lower, spacing)


def _smoothed(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Values averaged over neighbours on the same side of the walls: no shadow blurs into light."""
    result = np.empty_like(values)
    for side in (inside, ~inside):
        share = gaussian_filter(side.astype(np.float32), _BLUR, mode="nearest")
        summed = gaussian_filter(np.where(side, values, 0), _BLUR, mode="nearest")
        result[side] = summed[side] / share[side]
    return result


@ti.func
def on_its_side(place, upper, spacing):
    """A place on the floor, off the walls of [0, upper] if it lies within them: so far that all
    four points of the map around it do."""
    result = place
    if 0 < place[0] < upper[0] and 0 < place[1] < upper[1]:
        result = ti.math.clamp(place, spacing, upper - spacing)
    return result


@ti.kernel
def _deposit(out: Map, landing: Places, power: Map, lower: vec2, spacing: float, upper: vec2):
    """Add the power of each ray to the four points around its landing place, bilinearly."""
    ti.loop_config(serialize=True)  # the same sums in every run
    for i, j in ti.ndrange(power.shape[0], power.shape[1]):
        place = (on_its_side(landing[i * power.shape[1] + j], upper, spacing) - lower) / spacing
        low = ti.cast(ti.floor(place), ti.i32)
        part = place - low
        if 0 <= low[0] < out.shape[0] - 1 and 0 <= low[1] < out.shape[1] - 1:
            for step in ti.static(ti.ndrange(2, 2)):
                weight = ti.abs(1 - step[0] - part[0]) * ti.abs(1 - step[1] - part[1])
                out[low[0] + step[0], low[1] + step[1]] += power[i, j] * weight


@ti.func
def _follow(
    aim, water: ti.template(), solid: ti.template(), leaps: ti.template(), upper, sun, absorption
):  # fmt: skip
    """Where a ray that aims at a place on the floor lands, and what is left of its light."""
    spacing, solid_spacing = spacing_of(water, upper), spacing_of(solid, upper)
    liquid = ti.static(Sdf(water, spacing))
    shades = ti.static(Sdf(solid, solid_spacing))
    direction = -sun
    origin = vec3(aim.x, aim.y, 0.0) + sun * (2 * upper[2] / sun[2])
    left = 1.0
    inside = False
    for _ in range(_INTERFACES):
        near, far = box_span(origin, direction, upper)
        if near >= far:
            break
        ray = Ray(origin=origin, direction=direction)
        hit, _solid = first_of_two(
            liquid, shades, leaps, ray, near, far, -1.0 if inside else 1.0, WATER
        )
        floor = -origin.z / direction.z if direction.z < -_GRAZING else FAR
        end = ti.min(hit, far)
        if inside:
            left *= ti.exp(-absorption * end)
        if floor < FAR:
            back = Ray(origin=origin + direction * floor, direction=-direction)
            left *= sun_share(shades, back, ti.max(floor - end, 0.01), floor - near)
        if left < 0.01:
            break
        if inside and hit == FAR and far < floor - 1e-4:
            hit = far
        if hit == FAR:
            break
        point = origin + direction * hit
        outward, clear = vec3(0.0), 0.3 * spacing
        if (hit == near and near > 0) or hit == far:
            outward, clear = box_normal(point, upper), _OFF_WALLS
        else:
            outward = smooth_normal(water, point / spacing)
        facing = -outward if inside else outward
        bent, cosine, passes = refracted(direction, facing, inside)
        if passes:
            left *= 0.98 * (1 - ti.pow(1 - cosine, 5.0))
            origin = point - facing * clear
            inside = not inside
        else:
            origin = point + facing * clear
        direction = bent
    landing = aim
    if direction.z < -_GRAZING:
        landing = (origin - direction * (origin.z / direction.z)).xy
    else:
        left = 0.0
    return landing, left


@ti.kernel
def _trace_light(
    landing: Places, power: Map, water: Volume, marks: Marks, free: Marks, solid: Volume,
    upper: vec3, sun: vec3, absorption: float,
):  # fmt: skip
    """Replace the places that rays aim at by those where they land; power: what is left of them.

    The arguments are flat because a Taichi kernel takes arrays one by one.
    """
    leaps = ti.static(Leaps(marks, free))
    squares = square_count(power)
    for item in range(loop_length(squares, CPU)):
        square = dealt_item(item, squares, CPU)
        if square < squares:
            low, high = square_of(square, power)
            for i in range(low[0], high[0]):
                for j in range(low[1], high[1]):
                    ray = i * power.shape[1] + j
                    landing[ray], power[i, j] = _follow(
                        landing[ray], water, solid, leaps, upper, sun, absorption
                    )
