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
from fluidsim.render.floor_light import floor_places
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
    sample,
    vec2,
    vec3,
)
from fluidsim.render.sampling import trace_picture, view_of
from fluidsim.render.solids import scaled_solid, solid_near
from fluidsim.scheduling import CPU, dealt_item, loop_length

SUN = np.array((0.80, -0.10, 0.62)) / np.linalg.norm((0.80, -0.10, 0.62))
VIEW = np.array((0.42, -0.88, 0.16))  # from the scene to the eye: low, smoke towers
EXTINCTION = 46.0  # of density 1, along the unit of length
_MARCH = 1 / 110  # longest step of a ray
_THIN = 0.08  # optical depth of a step in dense smoke
_CLEAR = 0.004  # density below which a place counts as clear air


@ti.dataclass
class Scene:
    """Constants of one picture, lengths scaled."""

    upper: vec3
    sun: vec3
    map_lower: vec2
    map_spacing: ti.f32
    extinction: ti.f32
    step: ti.f32
    fog_length: ti.f32


def smoke_picture(
    density: np.ndarray,
    solids: SolidGrid | None,
    extent: tuple[float, ...],
    camera: Camera,
    size: tuple[int, int],
) -> np.ndarray:
    """Picture uint8 (height, width, 3) of smoke in the domain [0, extent], metres.

    density: on the cells, about 0 .. 1; size: width and height.
    """
    scale = 1 / max(extent)
    upper = np.array(extent) * scale
    density = np.maximum(np.ascontiguousarray(density, np.float32), 0)
    solid = scaled_solid(solids, scale)
    places, lower, spacing = floor_places(upper, SUN)
    scene = Scene(
        upper=vec3(*upper),
        sun=vec3(*SUN),
        map_lower=vec2(*lower),
        map_spacing=spacing,
        extinction=EXTINCTION,
        step=max(_MARCH, float(upper[2]) / density.shape[2]),
        fog_length=1.5 * scale * camera.distance,
    )
    coarse = tuple(n // 2 + 1 for n in density.shape)
    depth, lit = np.empty(coarse, np.float32), np.empty(coarse, np.float32)
    _light_volume(depth, lit, density, solid, scene)
    floor = np.empty(places.shape[:2], np.float32)
    _light_floor(floor, density, solid, scene)
    view = view_of(camera.scaled(scale), size[0] / size[1])
    return trace_picture(
        lambda places, colours: _trace(
            colours, places, density, depth, lit, solid, floor, view, scene
        ),
        size,
    )


@ti.func
def _last(grid: ti.template()):
    """Indices of a grid's last node."""
    return ti.Vector([grid.shape[0], grid.shape[1], grid.shape[2]]) - 1


@ti.func
def _density(density: ti.template(), point, scene):
    """Density at a point of the domain."""
    cells = ti.Vector([density.shape[0], density.shape[1], density.shape[2]])
    return sample(density, point / scene.upper * cells - 0.5)


@ti.func
def _optical_depth(density: ti.template(), origin, scene, step):
    """Optical depth of the smoke between a point and the sun."""
    near, far = box_span(origin, scene.sun, scene.upper)
    total = 0.0
    t = near + 0.5 * step
    while t < far:
        total += _density(density, origin + t * scene.sun, scene)
        t += step
    return total * step * scene.extinction


@ti.func
def _sun_reaches(solid: ti.template(), origin, skip, scene):
    """1 where no solid stands between a point and the sun, else 0; the first `skip` is free."""
    near, far = box_span(origin, scene.sun, scene.upper)
    spacing = scene.upper[2] / (solid.shape[2] - 1)
    hit = first_crossing(solid, spacing, origin, scene.sun, ti.max(near, skip), far, 1.0)
    return 0.0 if hit < FAR else 1.0


@ti.kernel
def _light_volume(depth: Grid, lit: Grid, density: Grid, solid: Grid, scene: Scene):
    """Optical depth towards the sun, and whether solids let it through, on a half grid."""
    last = _last(depth)
    rows = depth.shape[0] * depth.shape[1]
    for item in range(loop_length(rows, CPU)):
        row = dealt_item(item, rows, CPU)
        if row < rows:
            i, j = row // depth.shape[1], row % depth.shape[1]
            for k in range(depth.shape[2]):
                point = ti.Vector([i, j, k]) / last * scene.upper
                depth[i, j, k] = _optical_depth(density, point, scene, 2 * scene.step)
                # Nodes just inside of a lit side count as lit, or smoke on it would darken.
                lit[i, j, k] = _sun_reaches(solid, point, 4 * scene.step, scene)


@ti.kernel
def _light_floor(floor: Map, density: Grid, solid: Grid, scene: Scene):
    """Part of the sunlight that reaches the floor."""
    rows = floor.shape[0]
    for item in range(loop_length(rows, CPU)):
        i = dealt_item(item, rows, CPU)
        if i < rows:
            for j in range(floor.shape[1]):
                place = scene.map_lower + ti.Vector([i, j]) * scene.map_spacing
                origin = vec3(place.x, place.y, 0.0)
                reaches = _sun_reaches(solid, origin, 0.0, scene)
                if reaches > 0:
                    reaches *= ti.exp(-_optical_depth(density, origin, scene, 2 * scene.step))
                floor[i, j] = reaches


@ti.func
def _sky(direction):
    height = ti.math.clamp(ti.sqrt(ti.max(direction.z, 0.0)) * 1.3, 0.0, 1.0)
    return vec3(0.085, 0.10, 0.125) * (1 - height) + vec3(0.012, 0.018, 0.034) * height


@ti.func
def _sunlight():
    return vec3(1.0, 0.88, 0.72) * 4.8


@ti.func
def _skylight():
    return vec3(0.22, 0.36, 0.62) * 0.36


@ti.func
def _shade(point, outward, is_floor, distance, direction, solid: ti.template(),
           depth: ti.template(), floor: ti.template(), scene):  # fmt: skip
    """Colour of the floor or of a solid at a point, seen from `distance` away."""
    lit = ti.max(outward.dot(scene.sun), 0.0)
    colour = vec3(0.0)
    if is_floor:
        albedo = vec3(0.115, 0.12, 0.13) * (0.86 + 0.14 * checker(point, 0.11))
        lit *= map_value(floor, (point.xy - scene.map_lower) / scene.map_spacing)
        near = ti.max(solid_near(solid, point, scene.upper), 0.0)
        ambient = _skylight() * (1 - 0.6 * ti.exp(-near * 12))
        fog = 1 - ti.exp(-ti.pow(distance / scene.fog_length, 2.0))
        horizon = vec3(direction.x, direction.y, 0.0).normalized()
        colour = albedo * (_sunlight() * lit * 0.42 + ambient)
        colour = colour * (1 - fog) + _sky(horizon) * fog
    else:
        last = _last(depth)
        lit *= ti.exp(-sample(depth, point / scene.upper * last))
        start = point + outward * (0.5 * scene.step)
        if lit > 0:
            lit *= _sun_reaches(solid, start, 2 * scene.step, scene)
        albedo = vec3(0.55, 0.17, 0.07)
        colour = albedo * (_sunlight() * lit * 0.42 + _skylight() * (0.55 + 0.45 * outward.z))
        half = (scene.sun - direction).normalized()
        colour += ti.pow(ti.max(outward.dot(half), 0.0), 60.0) * lit * 0.9
        mirrored = direction - 2 * direction.dot(outward) * outward
        grazing = 1 - ti.max(-outward.dot(direction), 0.0)
        colour += _sky(mirrored) * (0.04 + 0.5 * ti.pow(grazing, 5.0))
    return colour


@ti.func
def _scattered(density, point, cosine, depth: ti.template(), lit: ti.template(), scene):
    """Light that a bit of smoke sends to the eye; cosine: between the ray and the sun."""
    last = _last(depth)
    place = point / scene.upper * last
    passed = sample(depth, place)
    total = vec3(0.0)
    strength, thinning, forward = 1.0, 1.0, 0.35
    for _ in range(3):
        phase = (1 - forward * forward) / ti.pow(1 + forward * forward - 2 * forward * cosine, 1.5)
        total += _sunlight() * (0.15 * strength * phase * ti.exp(-passed * thinning))
        strength *= 0.42
        thinning *= 0.40
        forward *= 0.5
    total *= 0.08 + 0.92 * sample(lit, place)
    height = ti.math.clamp(point.z / scene.upper.z, 0.0, 1.0)
    return total + _skylight() * ((0.30 + 0.6 * height) * ti.exp(-0.12 * passed) * 0.75)


@ti.kernel
def _trace(
    colours: Colours, places: Pixels, density: Grid, depth: Grid, lit: Grid, solid: Grid,
    floor: Map, view: View, scene: Scene,
):  # fmt: skip
    """One ray a place: what lies behind, then the smoke in front of it."""
    solid_spacing = scene.upper[2] / (solid.shape[2] - 1)
    for ray in range(places.shape[0]):
        origin = view.eye
        direction = view.forward + places[ray].x * view.right + places[ray].y * view.up
        direction = direction.normalized()
        near, far = box_span(origin, direction, scene.upper)
        opaque = -origin.z / direction.z if direction.z < -1e-5 else FAR
        on_floor = True
        if near < far:
            end = ti.min(far, opaque)
            stop = first_crossing(solid, solid_spacing, origin, direction, near, end, 1.0)
            if stop < FAR:
                opaque, on_floor = stop, False
        colour = _sky(direction)
        if opaque < FAR:
            point = origin + direction * opaque
            outward = vec3(0.0, 0.0, 1.0)
            if not on_floor:
                outward = normal(solid, point / solid_spacing, 0.5)
                if opaque == near:
                    outward = box_normal(point, scene.upper)
            colour = _shade(point, outward, on_floor, opaque, direction, solid, depth, floor, scene)
        # Interleaved gradient noise (Jimenez 2014) moves the samples, so that steps do not show.
        pixel = places[ray] * 640
        noise = 0.06711056 * pixel.x + 0.00583715 * pixel.y
        noise = 52.9829189 * (noise - ti.floor(noise))
        t = near + 0.1 * scene.step * (noise - ti.floor(noise))
        far = ti.min(far, opaque)
        left, gathered = 1.0, vec3(0.0)
        cosine = direction.dot(scene.sun)
        skipped = 0.0
        while t < far and left > 0.01:
            point = origin + direction * t
            here = _density(density, point, scene)
            step = 0.5 * scene.step
            if here > _CLEAR and skipped > 0:
                step = -skipped  # go back to where the smoke may begin
                skipped = 0.0
            elif here > _CLEAR:
                step = ti.min(step, ti.max(0.2 * step, _THIN / (here * scene.extinction)))
                passed = ti.exp(-here * scene.extinction * step)
                light = _scattered(here, point, cosine, depth, lit, scene)
                gathered += left * (1 - passed) * 0.92 * light
                left *= passed
            else:
                step *= 2.5
                skipped = 0.8 * step
            t += step
        colours[ray] = display(0.95 * (colour * left + gathered))
