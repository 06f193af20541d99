# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Ray-marched smoke: sunlight through the volume, scattering, shadows on the floor and on solids.

Multiple scattering is approximated by octaves of weaker extinction and flatter phase functions
(Wrenninge et al., "Oz: The Great and Volumetric", 2013). The scene is scaled so that the
longest side of the domain is 1: the look does not depend on the resolution.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import taichi as ti

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Map, Places, Seen, Volume, vec3
from fluidsim.render.beams import carried, first_beam, width_of
from fluidsim.render.cells import softened
from fluidsim.render.clear_air import clear_way, clear_ways
from fluidsim.render.fire import emitted, fire_of
from fluidsim.render.floor_light import FloorMap, floor_places
from fluidsim.render.frame import SmokeFrame
from fluidsim.render.open_air import thinned
from fluidsim.render.rays import (
    FAR,
    Hit,
    Pinhole,
    Ray,
    Sdf,
    box_normal,
    box_span,
    display,
    first_crossing,
    normal,
    primary_direction,
    sample,
    spacing_of,
    stretch,
    stretch_count,
)
from fluidsim.render.sampling import pinhole_of, to_bytes, trace_picture
from fluidsim.render.shot import Shot
from fluidsim.render.smoke_light import (
    EXTINCTION,
    cell_value,
    last_node,
    light_of,
    sun_reaches,
)
from fluidsim.render.solids import scaled_solid
from fluidsim.render.stage import Stage, floor_colour, sky, solid_colour, stage_of

_MARCH = 1 / 110  # scale of the steps; a ray steps half of it at most
_THIN = 0.08  # optical depth of a step in dense smoke
_HIDDEN = 0.015  # marching stops when less than this part of the light from behind is left
_CLEAR = 0.004  # density and glow below which air counts as clear
_WHITE, _SOOT = 0.92, 0.3  # part of the light that smoke scatters: without and with fire
_BURNT = 1.0  # part of the smoke that the hottest fire has burnt
_NO_FIRE = np.zeros((2, 2, 2), np.float32), np.zeros((1, 3), np.float32)


class _Scene(NamedTuple):
    """The arrays of a scene and the lengths of its march, bundled while Taichi compiles."""

    density: Any  # on the cells
    glow: Any
    colours: Any  # of the glow
    depth: Any  # optical, towards the sun
    lit: Any  # part of the sun that solids do not hide
    solid: Any  # signed distance on nodes
    light: Any  # map of the floor
    ways: Any  # through clear air, for each block of cells
    block: Any  # side of a block
    march: Any  # scale of the steps


def smoke_picture(frame: SmokeFrame, shot: Shot, open_sides: Sequence[str] = ()) -> np.ndarray:
    """Picture uint8 (height, width, 3) of smoke and of the fire where it is hot.

    open_sides: sides of the domain before which both fade out.
    """
    extent, preset = frame.extent, shot.preset
    scale = 1 / max(extent)
    upper = np.array(extent) * scale
    density = softened(np.maximum(np.asarray(frame.density, np.float32), 0))
    density = np.ascontiguousarray(thinned(density, open_sides))
    solid = scaled_solid(frame.solids, scale)
    fire = fire_of(thinned(frame.temperature, open_sides), upper)
    glow, colours = (fire.glow, fire.colours) if fire else _NO_FIRE
    places, lower, spacing = floor_places(upper, preset.towards_sun)
    floor = FloorMap(np.empty(places.shape[:2], np.float32), lower, spacing)
    camera = shot.camera.scaled(scale)
    stage = stage_of(preset, upper, floor, 1.5 * camera.distance, fire and (fire.place, fire.light))
    march = max(_MARCH, float(upper[2]) / density.shape[2])
    depth, lit = light_of(density, solid, floor.values, stage, march)
    amount = density if fire is None else np.maximum(density, glow)
    ways, block = clear_ways(amount > _CLEAR, float(upper[2]) / density.shape[2])
    pinhole = pinhole_of(camera, shot.size)
    picture, _ = trace_picture(
        lambda places, seen: _trace(
            seen, places, density, glow, colours, depth, lit, solid, floor.values, ways, block,
            march, pinhole, stage, fire is not None,
        ),
        shot.size,
    )  # fmt: skip
    return to_bytes(picture)


@ti.func
def _opaque_colour(hit, width, scene: ti.template(), stage):
    """The colour of the floor, of which a pixel covers a rectangle of sides `width`, or of a solid
    that a ray hits."""
    colour = vec3(0.0)
    if hit.on_floor:
        colour = floor_colour(
            hit.point, hit.direction, hit.distance, width, scene.solid, scene.light, stage
        )
    else:
        march = scene.march
        lit = ti.exp(-sample(scene.depth, hit.point / stage.upper * last_node(scene.depth)))
        start = hit.point + hit.outward * (0.5 * march)
        lit *= sun_reaches(scene.solid, start, 2 * march, stage)
        colour = solid_colour(hit.point, hit.outward, hit.direction, lit, stage)
    return colour


@ti.func
def _phases(cosine):
    """The part of the sunlight that each octave sends to the eye; cosine: between ray and sun."""
    result = vec3(0.0)
    for octave in ti.static(range(3)):
        forward = 0.35 * 0.5**octave
        spread = ti.pow(1 + forward * forward - 2 * forward * cosine, 1.5)
        result[octave] = 0.36 * 0.42**octave * (1 - forward * forward) / spread
    return result


@ti.func
def _scattered(point, phases, depth: ti.template(), lit: ti.template(), stage):
    """The light that a bit of smoke sends to the eye."""
    last = last_node(depth)
    place = point / stage.upper * last
    passed = sample(depth, place)
    total = vec3(0.0)
    for octave in ti.static(range(3)):
        total += stage.sunlight * (phases[octave] * ti.exp(-passed * 0.40**octave))
    total *= 0.2 + 0.8 * sample(lit, place)
    arm = stage.fire - point
    total += stage.firelight * (0.36 / (arm.norm_sqr() + 0.05))
    height = ti.math.clamp(point.z / stage.upper.z, 0.0, 1.0)
    sky_above = stage.skylight * ((0.22 + 0.45 * height) * ti.exp(-0.12 * passed))
    floor_below = stage.floor * stage.sunlight * (stage.sun.z * 0.3 * (1 - height))
    return total + sky_above + floor_below


@ti.func
def _path(place, scene: ti.template(), pinhole, stage, burning: ti.template()):
    """The colour and the distance that a place on the picture shows: first what is behind the
    smoke, then the smoke."""
    solid_spacing = spacing_of(scene.solid, stage.upper)
    solid = ti.static(Sdf(scene.solid, solid_spacing))
    march = scene.march
    origin = pinhole.eye
    direction = primary_direction(pinhole, place)
    near, far = box_span(origin, direction, stage.upper)
    opaque = -origin.z / direction.z if direction.z < -1e-5 else FAR
    on_floor = True
    if near < far:
        end = ti.min(far, opaque)
        ray = Ray(origin=origin, direction=direction)
        stop = first_crossing(solid, ray, near, end, 1.0)
        if stop < FAR:
            opaque, on_floor = stop, False
    colour = sky(direction, stage)
    if opaque < FAR:
        point = origin + direction * opaque
        outward = vec3(0.0, 0.0, 1.0)
        if not on_floor:
            outward = normal(scene.solid, point / solid_spacing, 0.5)
            if opaque == near:
                outward = box_normal(point, stage.upper)
        hit = Hit(
            point=point, outward=outward, direction=direction, distance=opaque, on_floor=on_floor
        )
        beam = carried(first_beam(pinhole, place), direction, opaque, outward)
        colour = _opaque_colour(hit, width_of(beam), scene, stage)
    # Interleaved gradient noise (Jimenez 2014) shifts the samples, so that steps do not show.
    pixel = place * 640
    noise = 0.06711056 * pixel.x + 0.00583715 * pixel.y
    noise = 52.9829189 * (noise - ti.floor(noise))
    t = near + 0.1 * march * (noise - ti.floor(noise))
    far = ti.min(far, opaque)
    left, gathered = 1.0, vec3(0.0)
    phases = _phases(direction.dot(stage.sun))
    while t < far and left > _HIDDEN:
        point = origin + direction * t
        step = 0.5 * march
        way = clear_way(scene.ways, scene.block, point)
        if way > step:
            t += step * ti.floor(way / step)
            continue
        here = cell_value(scene.density, point, stage)
        hot = 0.0
        if ti.static(burning):
            hot = cell_value(scene.glow, point, stage)
            here *= 1 - _BURNT * hot
        if ti.max(here, hot) > _CLEAR:
            step = ti.min(step, ti.max(0.2 * step, _THIN / (ti.max(here, 1e-6) * EXTINCTION)))
            passed = ti.exp(-here * EXTINCTION * step)
            scattered = _scattered(point, phases, scene.depth, scene.lit, stage)
            gathered += left * (1 - passed) * (_SOOT if burning else _WHITE) * scattered
            if ti.static(burning):
                gathered += left * step * emitted(scene.colours, hot)
            left *= passed
        t += step
    if left <= _HIDDEN:  # assume that what is behind looks like the rest
        gathered /= 1 - left
        left = 0.0
    shown = display(colour * left + gathered)
    return ti.Vector([shown.x, shown.y, shown.z, opaque])


@ti.kernel
def _trace(
    seen: Seen, places: Places, density: Volume, glow: Volume, colours: Map, depth: Volume,
    lit: Volume, solid: Volume, light: Map, ways: Volume, block: float, march: float,
    pinhole: Pinhole, stage: Stage, burning: ti.template(),
):  # fmt: skip
    """One ray for each place.

    The arguments are flat because a Taichi kernel takes arrays one by one.
    """
    scene = ti.static(_Scene(density, glow, colours, depth, lit, solid, light, ways, block, march))
    stretches = stretch_count(places)
    for item in range(loop_length(stretches, CPU)):
        first, end = stretch(dealt_item(item, stretches, CPU), places)
        for ray in range(first, end):
            seen[ray] = _path(places[ray], scene, pinhole, stage, burning)
