# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Ray-marched smoke: sunlight through the volume, scattering, shadows on the floor and on solids.

Multiple scattering is approximated by octaves of weaker extinction and flatter phase functions
(Wrenninge et al., "Oz: The Great and Volumetric", 2013). The scene is scaled so that the
domain's longest side is 1: the look does not depend on the resolution.
"""

import numpy as np
import taichi as ti

from fluidsim.render.camera import Camera
from fluidsim.render.fire import emitted, fire_of
from fluidsim.render.floor_light import FloorMap, floor_places
from fluidsim.render.frame import SolidGrid
from fluidsim.render.rays import (
    FAR,
    Grid,
    Map,
    Pixels,
    Seen,
    View,
    box_normal,
    box_span,
    display,
    first_crossing,
    normal,
    sample,
    vec3,
)
from fluidsim.render.sampling import to_bytes, trace_picture, view_of
from fluidsim.render.solids import scaled_solid, sun_share
from fluidsim.render.stage import Preset, Stage, floor_colour, sky, solid_colour, stage_of
from fluidsim.scheduling import CPU, dealt_item, loop_length

VIEW = np.array((0.42, -0.88, 0.16))  # from the scene to the eye: low, smoke towers
EXTINCTION = 46.0  # of density 1, along the unit of length
_MARCH = 1 / 110  # longest step of a ray
_THIN = 0.08  # optical depth of a step in dense smoke
_CLEAR = 0.004  # density or glow below which a place counts as clear air
_WHITE, _SOOT = 0.92, 0.5  # part of the light that smoke scatters, without and with fire
_BURNT = 0.8  # part of the smoke that is missing from the hottest fire
_NO_FIRE = np.zeros((2, 2, 2), np.float32), np.zeros((1, 3), np.float32)


def smoke_picture(
    density: np.ndarray,
    temperature: np.ndarray | None,
    solids: SolidGrid | None,
    extent: tuple[float, ...],
    camera: Camera,
    size: tuple[int, int],
    preset: Preset,
) -> np.ndarray:
    """Picture uint8 (height, width, 3) of smoke in the domain [0, extent], metres.

    density: on the cells, about 0 .. 1; temperature: K above ambient, for the light of fire.
    size: width and height.
    """
    scale = 1 / max(extent)
    upper = np.array(extent) * scale
    density = np.maximum(np.ascontiguousarray(density, np.float32), 0)
    solid = scaled_solid(solids, scale)
    fire = None if temperature is None else fire_of(temperature, upper)
    glow, colours = (fire.glow, fire.colours) if fire else _NO_FIRE
    places, lower, spacing = floor_places(upper, preset.towards_sun)
    floor = FloorMap(np.empty(places.shape[:2], np.float32), lower, spacing)
    camera = camera.scaled(scale)
    stage = stage_of(preset, upper, floor, 1.5 * camera.distance, fire and (fire.place, fire.light))
    march = max(_MARCH, float(upper[2]) / density.shape[2])
    coarse = tuple(n // 2 + 1 for n in density.shape)
    depth, lit = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    _light_volume(depth, lit, density, solid, stage, march)
    _light_floor(floor.values, density, solid, stage, march)
    view = view_of(camera, size[0] / size[1])
    picture, _ = trace_picture(
        lambda places, seen: _trace(
            seen, places, density, glow, colours, depth, lit, solid, floor.values, view, stage,
            march, fire is not None,
        ),
        size,
    )  # fmt: skip
    return to_bytes(picture)


@ti.func
def _last(grid: ti.template()):
    """Indices of a grid's last node."""
    return ti.Vector([grid.shape[0], grid.shape[1], grid.shape[2]]) - 1


@ti.func
def _value(field: ti.template(), point, stage):
    """Value at a point of the domain of a field on the cells."""
    cells = ti.Vector([field.shape[0], field.shape[1], field.shape[2]])
    return sample(field, point / stage.upper * cells - 0.5)


@ti.func
def _optical_depth(density: ti.template(), origin, stage, step):
    """Optical depth of the smoke between a point and the sun."""
    near, far = box_span(origin, stage.sun, stage.upper)
    total = 0.0
    t = near + 0.5 * step
    while t < far:
        total += _value(density, origin + t * stage.sun, stage)
        t += step
    return total * step * EXTINCTION


@ti.func
def _sun_reaches(solid: ti.template(), origin, skip, stage):
    """Part of the sun that solids leave to a point; the first `skip` of the way is free."""
    near, far = box_span(origin, stage.sun, stage.upper)
    spacing = stage.upper[2] / (solid.shape[2] - 1)
    return sun_share(solid, spacing, origin, stage.sun, ti.max(near, skip), far)


@ti.kernel
def _light_volume(depth: Grid, lit: Grid, density: Grid, solid: Grid, stage: Stage, march: float):
    """Optical depth towards the sun, and whether solids let it through, on a half grid."""
    last = _last(depth)
    rows = depth.shape[0] * depth.shape[1]
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // depth.shape[1], row % depth.shape[1]
            for k in range(depth.shape[2]):
                point = ti.Vector([i, j, k]) / last * stage.upper
                depth[i, j, k] = _optical_depth(density, point, stage, 2 * march)
                # Nodes just inside of a lit side count as lit, or smoke on it would darken.
                lit[i, j, k] = _sun_reaches(solid, point, 4 * march, stage)


@ti.kernel
def _light_floor(floor: Map, density: Grid, solid: Grid, stage: Stage, march: float):
    """Part of the sunlight that reaches the floor."""
    rows = floor.shape[0]
    for item in range(loop_length(rows, CPU)):
        i = dealt_item(item, rows, CPU)
        if i < rows:
            for j in range(floor.shape[1]):
                place = stage.map_lower + ti.Vector([i, j]) * stage.map_spacing
                origin = vec3(place.x, place.y, 0.0)
                reaches = _sun_reaches(solid, origin, 0.01, stage)
                if reaches > 0:
                    reaches *= ti.exp(-_optical_depth(density, origin, stage, 2 * march))
                floor[i, j] = reaches


@ti.func
def _opaque_colour(point, outward, on_floor, distance, direction, solid: ti.template(),
                   depth: ti.template(), light: ti.template(), stage, march):  # fmt: skip
    """The floor or a solid at a point, seen from `distance` away."""
    colour = vec3(0.0)
    if on_floor:
        colour = floor_colour(point, direction, distance, solid, light, stage)
    else:
        lit = ti.exp(-sample(depth, point / stage.upper * _last(depth)))
        lit *= _sun_reaches(solid, point + outward * (0.5 * march), 2 * march, stage)
        colour = solid_colour(point, outward, direction, lit, stage)
    return colour


@ti.func
def _scattered(point, cosine, depth: ti.template(), lit: ti.template(), stage):
    """Light that a bit of smoke sends to the eye; cosine: between the ray and the sun."""
    last = _last(depth)
    place = point / stage.upper * last
    passed = sample(depth, place)
    total = vec3(0.0)
    strength, thinning, forward = 1.0, 1.0, 0.35
    for _ in range(3):
        phase = (1 - forward * forward) / ti.pow(1 + forward * forward - 2 * forward * cosine, 1.5)
        total += stage.sunlight * (0.36 * strength * phase * ti.exp(-passed * thinning))
        strength *= 0.42
        thinning *= 0.40
        forward *= 0.5
    total *= 0.2 + 0.8 * sample(lit, place)
    arm = stage.fire - point
    total += stage.firelight * (0.36 / (arm.norm_sqr() + 0.05))
    height = ti.math.clamp(point.z / stage.upper.z, 0.0, 1.0)
    return total + stage.skylight * ((0.30 + 0.6 * height) * ti.exp(-0.12 * passed) * 0.75)


@ti.kernel
def _trace(
    seen: Seen, places: Pixels, density: Grid, glow: Grid, colours: Map, depth: Grid, lit: Grid,
    solid: Grid, light: Map, view: View, stage: Stage, march: float, burning: ti.template(),
):  # fmt: skip
    """One ray a place: what lies behind, then the smoke in front of it."""
    solid_spacing = stage.upper[2] / (solid.shape[2] - 1)
    for ray in range(places.shape[0]):
        origin = view.eye
        direction = view.forward + places[ray].x * view.right + places[ray].y * view.up
        direction = direction.normalized()
        near, far = box_span(origin, direction, stage.upper)
        opaque = -origin.z / direction.z if direction.z < -1e-5 else FAR
        on_floor = True
        if near < far:
            end = ti.min(far, opaque)
            stop = first_crossing(solid, solid_spacing, origin, direction, near, end, 1.0)
            if stop < FAR:
                opaque, on_floor = stop, False
        colour = sky(direction, stage)
        if opaque < FAR:
            point = origin + direction * opaque
            outward = vec3(0.0, 0.0, 1.0)
            if not on_floor:
                outward = normal(solid, point / solid_spacing, 0.5)
                if opaque == near:
                    outward = box_normal(point, stage.upper)
            colour = _opaque_colour(
                point, outward, on_floor, opaque, direction, solid, depth, light, stage, march
            )
        # Interleaved gradient noise (Jimenez 2014) moves the samples, so that steps do not show.
        pixel = places[ray] * 640
        noise = 0.06711056 * pixel.x + 0.00583715 * pixel.y
        noise = 52.9829189 * (noise - ti.floor(noise))
        t = near + 0.1 * march * (noise - ti.floor(noise))
        far = ti.min(far, opaque)
        left, gathered = 1.0, vec3(0.0)
        cosine = direction.dot(stage.sun)
        skipped = 0.0
        while t < far and left > 0.01:
            point = origin + direction * t
            here = _value(density, point, stage)
            hot = 0.0
            if ti.static(burning):
                hot = _value(glow, point, stage)
                here *= 1 - _BURNT * hot
            step = 0.5 * march
            if ti.max(here, hot) > _CLEAR and skipped > 0:
                step = -skipped  # go back to where the smoke may begin
                skipped = 0.0
            elif ti.max(here, hot) > _CLEAR:
                step = ti.min(step, ti.max(0.2 * step, _THIN / (ti.max(here, 1e-6) * EXTINCTION)))
                passed = ti.exp(-here * EXTINCTION * step)
                scattered = _scattered(point, cosine, depth, lit, stage)
                gathered += left * (1 - passed) * (_SOOT if burning else _WHITE) * scattered
                if ti.static(burning):
                    gathered += left * step * emitted(colours, hot)
                left *= passed
            else:
                step *= 2.5
                skipped = 0.8 * step
            t += step
        shown = display(colour * left + gathered)
        seen[ray] = ti.Vector([shown.x, shown.y, shown.z, opaque])
