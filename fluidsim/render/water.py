# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Ray-traced liquid: refraction, total reflection, Fresnel, absorption, floor, sky and sun.

The scene is scaled so that the longest side of the domain is 1: the look does not depend on its
size. The liquid fills the part of the domain where the distance is negative; the walls are
invisible glass without thickness, and the liquid stands on the floor without a gap.
"""

from typing import Any, NamedTuple

import numpy as np
import taichi as ti

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Map, Marks, Places, Seen, Volume, vec3
from fluidsim.render.beams import (
    carried,
    first_beam,
    mirrored_beam,
    refracted_beam,
    tilted,
    width_of,
)
from fluidsim.render.drops import draw_spray
from fluidsim.render.floor_light import through_water
from fluidsim.render.frame import LiquidFrame
from fluidsim.render.froth import Balls, Froth, Starts, froth_along, froth_of
from fluidsim.render.leaps import SOLID, WATER, Leaps, first_of_two, leaps_over
from fluidsim.render.liquids import LiquidLook
from fluidsim.render.motion_blur import blurred, cell_ways
from fluidsim.render.rays import (
    FAR,
    Hit,
    Pinhole,
    Ray,
    Sdf,
    box_normal,
    box_span,
    display,
    normal,
    primary_direction,
    refracted,
    sample,
    spacing_of,
    stretch,
    stretch_count,
)
from fluidsim.render.sampling import pinhole_of, to_bytes, trace_picture
from fluidsim.render.shot import Shot
from fluidsim.render.slopes import slope_and_bend
from fluidsim.render.solids import scaled_solid, sunlit
from fluidsim.render.spray import Spray
from fluidsim.render.stage import (
    Stage,
    bright_sky,
    floor_colour,
    sky,
    solid_colour,
    stage_of,
)
from fluidsim.render.surface import Surface

_SEGMENTS = 7  # most straight pieces of a path
_FOAM = 0.3  # opacity of foam on the fastest water
_LEAST = 0.03  # part of the light that a path must carry to be followed
_FLOOR_SHADE = 0.25  # part of the sunlight in full shade: light that the water scatters
_BRIGHTEST = 1.7  # brightest caustic, as a multiple of the sunlight


class _Scene(NamedTuple):
    """The arrays of a scene, bundled while Taichi compiles."""

    water: Any  # signed distances on nodes
    solid: Any
    leaps: Leaps
    speed: Any  # on the cells; 1 is the speed of a fall through the domain
    light: Any  # map of the floor
    froth: Froth


@ti.dataclass
class _Tint:
    """The colour of a liquid."""

    absorption: vec3
    scattered: vec3
    foam: ti.f32  # opacity


def water_picture(
    frame: LiquidFrame,
    surface: Surface,
    spray: Spray,
    shot: Shot,
    look: LiquidLook,
    exposure: float = 0.0,
) -> np.ndarray:
    """Picture uint8 (height, width, 3) of a liquid.

    surface, spray: of the frame's particles; the surface may lack air above. exposure: seconds for
    which the shutter is open.
    """
    extent, preset = frame.extent, shot.preset
    scale = 1 / max(extent)
    water = surface.distance * np.float32(scale)
    upper = (np.array(water.shape) - 1) * (surface.spacing * scale)
    solid = scaled_solid(frame.solids, scale)
    # The speed of a free fall through the domain counts as fast.
    speed = surface.speed / np.float32(np.sqrt(2 * 9.81 * extent[-1]))
    shade = float(np.mean(look.absorption)) / 4
    leaps = leaps_over(water, solid, surface.spacing * scale)
    floor = through_water(water, solid, leaps, upper, preset.towards_sun, shade)
    light = _FLOOR_SHADE + (1 - _FLOOR_SHADE) * np.minimum(floor.values, _BRIGHTEST)
    camera = shot.camera.scaled(scale)
    pixel = float(np.radians(camera.field_of_view)) / shot.size[1]
    froth = froth_of(frame, scale, camera, pixel, exposure)
    foam, spray = look.foam, spray.with_foam(look.foam)
    if frame.whitewater is not None:  # which has foam of its own
        foam, spray = 0.0, spray.drops()
    stage = stage_of(preset, upper, floor, 1.5 * camera.distance)
    pinhole = pinhole_of(camera, shot.size)
    tint = _Tint(
        absorption=vec3(*look.absorption),
        scattered=vec3(*look.scattered),
        foam=_FOAM * foam,
    )
    picture, distance = trace_picture(
        lambda places, seen: _trace(
            seen, places, water, leaps.marks, leaps.free, speed, solid, light,
            froth.balls, froth.starts, froth.free, pinhole, stage, tint,
        ),
        shot.size,
    )  # fmt: skip
    draw_spray(picture, distance, spray, scale, camera, solid, light, stage)
    if exposure > 0:
        ways = cell_ways(frame.positions, frame.velocities, frame.shape, frame.dx, exposure)
        scaled = np.ascontiguousarray(ways * np.float32(scale))
        picture = blurred(picture, distance, scaled, solid, np.array(extent) * scale, pinhole)
    return to_bytes(picture)


@ti.func
def _opaque_colour(hit, width, scene: ti.template(), stage):
    """The colour of the floor, of which a beam covers a rectangle of sides `width`, or of a solid
    that it hits."""
    colour = vec3(0.0)
    if hit.on_floor:
        colour = floor_colour(
            hit.point, hit.direction, hit.distance, width, scene.solid, scene.light, stage
        )
    else:
        lit = sunlit(scene.solid, hit, stage.sun, stage.upper)
        colour = solid_colour(hit.point, hit.outward, hit.direction, lit, stage)
    return colour


@ti.func
def _foam(speed: ti.template(), point, outward, stage, tint):
    """The opacity and the colour of foam on the surface."""
    cells = point / stage.upper[2] * speed.shape[2] - 0.5
    amount = tint.foam * ti.math.smoothstep(0.55, 1.15, sample(speed, cells))
    lit = 0.3 + 0.4 * ti.max(outward.dot(stage.sun), 0.0)
    return amount, stage.sunlight * lit + stage.skylight


@ti.func
def _path(place, scene: ti.template(), pinhole, stage, tint):
    """The colour and the distance that a place on the picture shows.

    The path follows refraction; the first reflection waits and is traced last.
    """
    spacing = spacing_of(scene.water, stage.upper)
    solid_spacing = spacing_of(scene.solid, stage.upper)
    water = ti.static(Sdf(scene.water, spacing))
    solid = ti.static(Sdf(scene.solid, solid_spacing))
    origin = pinhole.eye
    direction = primary_direction(pinhole, place)
    beam, other_beam = first_beam(pinhole, place), first_beam(pinhole, place)
    weight, colour = vec3(1.0), vec3(0.0)
    other_origin, other_direction, other_weight = vec3(0.0), vec3(0.0), vec3(0.0)
    inside, first, done = False, True, False
    scattered = tint.scattered * (stage.skylight + 0.2 * stage.sunlight)
    distance = FAR
    for segment in range(_SEGMENTS):
        # What the path meets first: the floor, a solid, the surface of the water or the sky.
        near, far = box_span(origin, direction, stage.upper)
        opaque = -origin.z / direction.z if direction.z < -1e-5 else FAR
        on_floor = True
        hit = FAR
        if near < far:
            end = ti.min(far, opaque)
            ray = Ray(origin=origin, direction=direction)
            hit, stop = first_of_two(
                water, solid, scene.leaps, ray, near, end, -1.0 if inside else 1.0, WATER + SOLID
            )
            if stop < FAR:
                opaque, on_floor = stop, False
            if inside and hit == FAR and far < opaque - 1e-4:
                hit = far
        absorbed, lost = vec3(0.0), vec3(0.0)
        if inside:
            absorbed, lost = tint.absorption, scattered
        white, clear = froth_along(
            scene.froth, origin, direction, ti.min(hit, opaque), absorbed, lost, stage
        )
        colour += weight * white
        weight *= clear
        if inside:
            passed = ti.exp(-tint.absorption * ti.min(hit, opaque))
            colour += weight * scattered * (1 - passed)
            weight *= passed
        if segment == 0:
            distance = ti.min(hit, opaque)
        if hit == FAR:
            behind = sky(direction, stage) if segment == 0 else bright_sky(direction, stage)
            if opaque < FAR:
                point = origin + direction * opaque
                outward = vec3(0.0, 0.0, 1.0)
                if not on_floor:
                    outward = normal(scene.solid, point / solid_spacing, 0.5)
                    if opaque == near and near > 0:
                        outward = box_normal(point, stage.upper)
                seen = Hit(
                    point=point, outward=outward, direction=direction, distance=opaque,
                    on_floor=on_floor,
                )  # fmt: skip
                width = width_of(carried(beam, direction, opaque, outward))
                behind = _opaque_colour(seen, width, scene, stage)
            colour += weight * behind
            done = True
        else:
            point = origin + direction * hit
            slope, bend = box_normal(point, stage.upper), ti.Matrix.zero(ti.f32, 3, 3)
            if not ((hit == near and near > 0) or hit == far):
                slope, bend = slope_and_bend(scene.water, point / spacing)
            outward = slope / ti.max(slope.norm(), 1e-9)
            beam = carried(beam, direction, hit, outward)
            tilt = tilted(beam, slope, bend / spacing)
            if inside:
                tilt = -tilt
            facing = -outward if inside else outward
            if facing.dot(direction) > -0.02:  # interpolated normals may look away
                facing = (facing - direction * (facing.dot(direction) + 0.02)).normalized()
            bent, cosine, passes = refracted(direction, facing, inside)
            if not inside:
                mirrored = (direction + 2 * cosine * facing).normalized()
                amount, foam = _foam(scene.speed, point, outward, stage, tint)
                colour += weight * amount * foam
                weight *= 1 - amount
                reflected = weight * (0.02 + 0.98 * ti.pow(1 - cosine, 5.0))
                weight -= reflected
                if first:
                    other_origin = point + facing * (0.5 * spacing)
                    other_direction, other_weight = mirrored, reflected
                    other_beam = mirrored_beam(beam, direction, facing, tilt)
                    first = False
                else:
                    colour += reflected * bright_sky(mirrored, stage)
            if passes:
                beam = refracted_beam(beam, direction, facing, tilt, inside)
                origin = point - facing * (0.3 * spacing)
                inside = not inside
            else:
                beam = mirrored_beam(beam, direction, facing, tilt)
                origin = point + facing * (0.3 * spacing)
            direction = bent
        if done or weight.max() < _LEAST:
            if other_weight.max() < _LEAST:  # whose end would show as a line
                colour += other_weight * bright_sky(other_direction, stage)
                done = True
                break
            origin, direction, weight = other_origin, other_direction, other_weight
            beam = other_beam
            other_weight = vec3(0.0)
            inside, done = False, False
    if not done:
        colour += weight * 0.6 * bright_sky(direction, stage)
        colour += other_weight * bright_sky(other_direction, stage)
    shown = display(colour)
    return ti.Vector([shown.x, shown.y, shown.z, distance])


@ti.kernel
def _trace(
    seen: Seen, places: Places, water: Volume, marks: Marks, free: Marks, speed: Volume,
    solid: Volume, light: Map, balls: Balls, starts: Starts, gaps: Marks, pinhole: Pinhole,
    stage: Stage, tint: _Tint,
):  # fmt: skip
    """One path for each place.

    The arguments are flat because a Taichi kernel takes arrays one by one.
    """
    froth = ti.static(Froth(balls, starts, gaps))
    scene = ti.static(_Scene(water, solid, Leaps(marks, free), speed, light, froth))
    stretches = stretch_count(places)
    for item in range(loop_length(stretches, CPU)):
        first, end = stretch(dealt_item(item, stretches, CPU), places)
        for ray in range(first, end):
            seen[ray] = _path(places[ray], scene, pinhole, stage, tint)
