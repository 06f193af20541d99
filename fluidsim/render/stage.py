# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false, reportCallIssue=false
"""What surrounds a 3D scene: sun, sky, an endless floor and the paint of solids.

Scenes are scaled so that the longest side of the domain is 1. Colours are linear light.
"""

from typing import Any

import numpy as np
import taichi as ti

from fluidsim.render.arrays import vec2, vec3
from fluidsim.render.floor_light import FloorMap, on_its_side
from fluidsim.render.presets import Preset
from fluidsim.render.rays import checker, map_value
from fluidsim.render.solids import solid_near

_TILE = 0.1  # side of a tile of the floor
_BOUNCED = 0.6  # part of the light of an endless floor that reaches what stands on it
_FIRE_CORE = 0.05  # squared distance below which the light of a fire grows no more


@ti.dataclass
class Stage:
    """A preset, where the map of the floor's light lies, and a fire; the domain is [0, upper]."""

    upper: vec3
    sun: vec3
    sunlight: vec3
    skylight: vec3
    horizon: vec3
    zenith: vec3
    glare: ti.f32
    floor: vec3
    tiles: ti.f32
    solid: vec3
    map_lower: vec2
    map_spacing: ti.f32
    fog_length: ti.f32
    fire: vec3  # its centre
    firelight: vec3  # at distance 1


def stage_of(
    preset: Preset,
    upper: np.ndarray,
    light: FloorMap,
    fog_length: float,
    fire: tuple[np.ndarray, np.ndarray] | None = None,
) -> Any:
    """The stage as kernels take it. fire: its centre and its light at distance 1."""
    place, firelight = fire or (np.zeros(3), np.zeros(3))
    return Stage(
        upper=vec3(*upper),
        sun=vec3(*preset.towards_sun),
        sunlight=vec3(*preset.sunlight),
        skylight=vec3(*preset.skylight),
        horizon=vec3(*preset.horizon),
        zenith=vec3(*preset.zenith),
        glare=preset.glare,
        floor=vec3(*preset.floor),
        tiles=preset.tiles,
        solid=vec3(*preset.solid),
        map_lower=vec2(*light.lower),
        map_spacing=light.spacing,
        fog_length=fog_length,
        fire=vec3(*place),
        firelight=vec3(*firelight),
    )


@ti.func
def sky(direction, stage):
    """The sky without the sun: what the camera sees behind the scene."""
    height = ti.math.smoothstep(-0.02, 0.6, direction.z)
    return stage.horizon * (1 - height) + stage.zenith * height


@ti.func
def bright_sky(direction, stage):
    """The sky with the sun: what water mirrors."""
    near_sun = ti.max(direction.dot(stage.sun), 0.0)
    glow = ti.pow(near_sun, 900.0) * 17 + stage.glare * 0.2 * ti.pow(near_sun, 24.0)
    return sky(direction, stage) + stage.sunlight * glow


@ti.func
def _firelight(point, outward, stage):
    """The light of the fire on a surface."""
    arm = stage.fire - point
    square = arm.norm_sqr()
    turned = ti.max(outward.dot(arm) / ti.sqrt(square + 1e-6), 0.0)
    return stage.firelight * (turned / (square + _FIRE_CORE))


@ti.func
def floor_colour(point, direction, distance, width, solid: ti.template(), light: ti.template(),
                 stage):  # fmt: skip
    """The colour of the floor at a point, seen along a direction from `distance` away by a beam
    that covers a rectangle of sides `width`."""
    up = vec3(0.0, 0.0, 1.0)
    albedo = stage.floor * (1 - stage.tiles * (1 - checker(point, _TILE, width)))
    place = on_its_side(point.xy, stage.upper.xy, stage.map_spacing)
    lit = stage.sun.z * map_value(light, (place - stage.map_lower) / stage.map_spacing)
    near = ti.max(solid_near(solid, point, stage.upper), 0.0)
    ambient = stage.skylight * (1 - 0.55 * ti.exp(-near * 13))
    colour = albedo * (stage.sunlight * lit + ambient + _firelight(point, up, stage))
    fog = 1 - ti.exp(-ti.pow(distance / stage.fog_length, 3.0))
    horizon = vec3(direction.x, direction.y, 0.0).normalized()
    return colour * (1 - fog) + sky(horizon, stage) * fog


@ti.func
def _ambient(outward, stage):
    """The light of the sky above and of the floor below on a surface. The floor is in the sun, but
    for what lies in the shadow of the solid itself, on the side that is turned away."""
    above = 0.5 + 0.5 * outward.z
    sunny = 0.6 + 0.4 * outward.xy.dot(stage.sun.xy) / ti.max(stage.sun.xy.norm(), 1e-3)
    bounced = stage.floor * (stage.skylight + stage.sunlight * (stage.sun.z * sunny))
    return stage.skylight * above + bounced * (_BOUNCED * (1 - above))


@ti.func
def solid_colour(point, outward, direction, lit, stage):
    """The colour of a solid's surface; lit: the part of the sunlight that reaches it."""
    lit *= ti.max(outward.dot(stage.sun), 0.0)
    ambient = _ambient(outward, stage) * (1 - 0.4 * ti.exp(-point.z * 14))
    colour = stage.solid * (stage.sunlight * lit + ambient + _firelight(point, outward, stage))
    half = (stage.sun - direction).normalized()
    colour += stage.sunlight * (ti.pow(ti.max(outward.dot(half), 0.0), 60.0) * lit * 0.3)
    mirrored = direction - 2 * direction.dot(outward) * outward
    grazing = 1 - ti.max(-outward.dot(direction), 0.0)
    return colour + sky(mirrored, stage) * (0.03 + 0.15 * ti.pow(grazing, 5.0))


@ti.func
def surroundings(origin, direction, spread, solid: ti.template(), light: ti.template(), stage):
    """What a beam that leaves the scene and widens by `spread` rad meets: the floor or the sky."""
    colour = bright_sky(direction, stage)
    if direction.z < -1e-5:
        distance = -origin.z / direction.z
        point = origin + direction * distance
        width = vec2(spread * distance / -direction.z)
        colour = floor_colour(point, direction, distance, width, solid, light, stage)
    return colour
