# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Ray-traced water: refraction, total reflection, Fresnel, absorption, floor, sky and sun.

The scene is scaled so that the domain's longest side is 1: the look does not depend on its size.
The liquid fills the part of the domain's box where the distance is negative; the walls are
invisible glass of no thickness and the floor carries the liquid without a gap.
"""

import numpy as np
import taichi as ti

from fluidsim.render.camera import Camera
from fluidsim.render.floor_light import through_water
from fluidsim.render.frame import SolidGrid
from fluidsim.render.rays import (
    FAR,
    Colours,
    Grid,
    Map,
    Pixels,
    View,
    box_normal,
    box_span,
    checker,
    display,
    first_crossing,
    map_value,
    normal,
    refracted,
    sample,
    vec2,
    vec3,
)
from fluidsim.render.sampling import trace_picture, view_of
from fluidsim.render.solids import scaled_solid, solid_near
from fluidsim.render.surface import Surface

SUN = np.array((0.55, 0.35, 0.75)) / np.linalg.norm((0.55, 0.35, 0.75))
_SEGMENTS = 7  # straight pieces of one path
_ABSORPTION = (7.9, 2.2, 1.25)  # of red, green and blue along the unit of length
_SCATTERED = (0.02, 0.17, 0.23)  # colour of deep water
_FLOOR_SHADE = 0.25  # least part of sunlight on the floor, from light scattered by the water


@ti.dataclass
class Scene:
    """Constants of one picture, lengths scaled."""

    upper: vec3
    sun: vec3
    absorption: vec3
    scattered: vec3
    map_lower: vec2
    map_spacing: ti.f32
    foam: ti.f32
    fog_length: ti.f32


def water_picture(
    surface: Surface,
    solids: SolidGrid | None,
    extent: tuple[float, ...],
    camera: Camera,
    size: tuple[int, int],
    foam: float = 0.3,
) -> np.ndarray:
    """Picture uint8 (height, width, 3) of liquid in the domain [0, extent], metres.

    size: width and height. foam: 0 .. 1, how white fast water looks.
    """
    scale = 1 / max(extent)
    upper = np.array(extent) * scale
    water = surface.distance * np.float32(scale)
    solid = scaled_solid(solids, scale)
    # Free fall through the domain sets what counts as fast.
    speed = surface.speed / np.float32(np.sqrt(2 * 9.81 * extent[-1]))
    light = through_water(water, solid, upper, SUN, float(np.mean(_ABSORPTION)) / 4)
    scene = Scene(
        upper=vec3(*upper),
        sun=vec3(*SUN),
        absorption=vec3(*_ABSORPTION),
        scattered=vec3(*_SCATTERED),
        map_lower=vec2(*light.lower),
        map_spacing=light.spacing,
        foam=foam,
        fog_length=1.5 * scale * camera.distance,
    )
    view = view_of(camera.scaled(scale), size[0] / size[1])
    return trace_picture(
        lambda places, colours: _trace(
            colours, places, water, speed, solid, light.values, view, scene
        ),
        size,
    )


@ti.func
def _sky(direction, sun):
    height = ti.sqrt(ti.math.clamp(direction.z, 0.0, 1.0))
    colour = vec3(0.80, 0.86, 0.92) * (1 - height) + vec3(0.20, 0.40, 0.72) * height
    near_sun = ti.max(direction.dot(sun), 0.0)
    return colour + vec3(1.0, 0.9, 0.75) * (
        ti.pow(near_sun, 900.0) * 30 + ti.pow(near_sun, 24.0) * 0.35
    )


@ti.func
def _shade(point, outward, is_floor, distance, direction, solid: ti.template(),
           light: ti.template(), scene):  # fmt: skip
    """Colour of the floor or of a solid at a point, seen from `distance` away."""
    lit = ti.max(outward.dot(scene.sun), 0.0)
    albedo = vec3(0.78, 0.30, 0.08)
    ambient = vec3(0.55, 0.66, 0.80) * (0.30 + 0.12 * outward.z)
    if is_floor:
        albedo = vec3(0.50, 0.51, 0.53) * (0.80 + 0.20 * checker(point, 0.1))
        place = (point.xy - scene.map_lower) / scene.map_spacing
        lit *= _FLOOR_SHADE + (1 - _FLOOR_SHADE) * ti.min(map_value(light, place), 1.7)
        ambient *= 1 - 0.5 * ti.exp(-ti.max(solid_near(solid, point, scene.upper), 0.0) * 14)
    else:
        spacing = scene.upper[2] / (solid.shape[2] - 1)
        start = point + outward * spacing
        near, far = box_span(start, scene.sun, scene.upper)
        if lit > 0 and first_crossing(solid, spacing, start, scene.sun, near, far, 1.0) < FAR:
            lit *= 0.05
        ambient *= 1 - 0.4 * ti.exp(-point.z * 14)
    colour = albedo * (vec3(1.0, 0.93, 0.82) * 1.75 * lit + ambient)
    if is_floor:
        fog = 1 - ti.exp(-ti.pow(distance / scene.fog_length, 3.0))
        horizon = vec3(direction.x, direction.y, 0.0).normalized()
        colour = colour * (1 - fog) + _sky(horizon, scene.sun) * fog
    return colour


@ti.func
def _foam(speed: ti.template(), point, outward, scene):
    """Opacity and colour of foam on the surface."""
    cells = point / scene.upper[2] * speed.shape[2] - 0.5
    amount = scene.foam * ti.math.smoothstep(0.55, 1.15, sample(speed, cells))
    return amount, vec3(0.92, 0.95, 0.98) * (ti.max(outward.dot(scene.sun), 0.0) * 0.75 + 0.45)


@ti.kernel
def _trace(
    colours: Colours, places: Pixels, water: Grid, speed: Grid, solid: Grid, light: Map,
    view: View, scene: Scene,
):  # fmt: skip
    """One path a place: it follows refraction; the first reflection waits and is traced last."""
    spacing = scene.upper[2] / (water.shape[2] - 1)
    solid_spacing = scene.upper[2] / (solid.shape[2] - 1)
    for ray in range(places.shape[0]):
        origin = view.eye
        direction = view.forward + places[ray].x * view.right + places[ray].y * view.up
        direction = direction.normalized()
        weight, colour = vec3(1.0), vec3(0.0)
        other_origin, other_direction, other_weight = vec3(0.0), vec3(0.0), vec3(0.0)
        inside, first, done = False, True, False
        for _ in range(_SEGMENTS):
            # What is hit first: the floor, a solid, the water's surface or the sky.
            near, far = box_span(origin, direction, scene.upper)
            opaque = -origin.z / direction.z if direction.z < -1e-5 else FAR
            on_floor = True
            hit = FAR
            if near < far:
                end = ti.min(far, opaque)
                stop = first_crossing(solid, solid_spacing, origin, direction, near, end, 1.0)
                if stop < FAR:
                    opaque, on_floor, end = stop, False, stop
                hit = first_crossing(
                    water, spacing, origin, direction, near, end, -1.0 if inside else 1.0
                )
                if inside and hit == FAR and far < opaque - 1e-4:
                    hit = far
            if inside:
                passed = ti.exp(-scene.absorption * ti.min(hit, opaque))
                colour += weight * scene.scattered * (1 - passed)
                weight *= passed
            if hit == FAR:
                seen = _sky(direction, scene.sun)
                if opaque < FAR:
                    point = origin + direction * opaque
                    outward = vec3(0.0, 0.0, 1.0)
                    if not on_floor:
                        outward = normal(solid, point / solid_spacing, 0.5)
                        if opaque == near and near > 0:
                            outward = box_normal(point, scene.upper)
                    seen = _shade(point, outward, on_floor, opaque, direction, solid, light, scene)
                colour += weight * seen
                done = True
            else:
                point = origin + direction * hit
                outward = normal(water, point / spacing, 1.0)
                if (hit == near and near > 0) or hit == far:
                    outward = box_normal(point, scene.upper)
                facing = -outward if inside else outward
                if facing.dot(direction) > -0.02:  # interpolated normals may look away
                    facing = (facing - direction * (facing.dot(direction) + 0.02)).normalized()
                bent, cosine, passes = refracted(direction, facing, inside)
                if not inside:
                    mirrored = (direction + 2 * cosine * facing).normalized()
                    amount, white = _foam(speed, point, outward, scene)
                    colour += weight * amount * white
                    weight *= 1 - amount
                    reflected = weight * (0.02 + 0.98 * ti.pow(1 - cosine, 5.0))
                    weight -= reflected
                    if first:
                        other_origin = point + facing * (0.5 * spacing)
                        other_direction, other_weight = mirrored, reflected
                        first = False
                    else:
                        colour += reflected * _sky(mirrored, scene.sun)
                direction = bent
                if passes:
                    origin = point - facing * (0.3 * spacing)
                    inside = not inside
                else:
                    origin = point + facing * (0.3 * spacing)
            if done or weight.max() < 0.03:
                if other_weight.max() < 0.03:
                    done = True
                    break
                origin, direction, weight = other_origin, other_direction, other_weight
                other_weight = vec3(0.0)
                inside, done = False, False
        if not done:
            colour += weight * 0.6 * _sky(direction, scene.sun)
        colours[ray] = display(0.80 * colour)
