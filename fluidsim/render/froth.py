# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Whitewater as rays meet it: small soft white balls, in the air, on the water and below it.

Each ball is listed in the cells that it reaches into, so that a ray looks only at those near its
way, and leaps over cells without any. A ball counts where the ray is nearest to its middle. While
the shutter is open, it is drawn out along its motion.
"""

from typing import Any, NamedTuple

import numpy as np
import taichi as ti
from scipy.ndimage import distance_transform_cdt

from fluidsim.render.arrays import vec3
from fluidsim.render.camera import Camera
from fluidsim.render.frame import BUBBLE, FOAM, SPRAY, LiquidFrame
from fluidsim.render.rays import box_span

Starts: Any = ti.types.ndarray(dtype=ti.i32, ndim=1)
Balls: Any = ti.types.ndarray(dtype=ti.f32, ndim=2)

# Of the kinds SPRAY, FOAM, BUBBLE: radii in cells of the domain, opacities in the middle.
_RADII = np.array([0.0, 0.0, 0.0], np.float32)
_RADII[[SPRAY, FOAM, BUBBLE]] = 0.11, 0.16, 0.12
_OPACITY = np.array([0.0, 0.0, 0.0], np.float32)
_OPACITY[[SPRAY, FOAM, BUBBLE]] = 0.6, 0.55, 0.45
_SIZES = (0.6, 1.6)  # of particles, as parts of these; most are small
_FADING = 0.5  # s: foam fades in the last part of its life
_LEAST = 0.7  # pixels: smaller balls are drawn so large, and fainter
_CLEAR = 0.02  # light that is left of a ray: less is none
COLUMNS = 8  # of a ball: centre, radius, opacity, half of its way while it is seen


class Froth(NamedTuple):
    """The balls of a scaled scene, sorted into the cells of the domain.

    balls: (n, COLUMNS) float32, each once for each of its cells. starts: int32, the first ball of
    each flat cell, and n. free: uint8, the number of cells, in king's moves, to the next one with
    balls, for each cell. Kernels bundle the three by ``ti.static``.
    """

    balls: Any
    starts: Any
    free: Any


def froth_of(frame: LiquidFrame, scale: float, camera: Camera, pixel: float, shutter: float):
    """The froth of a frame in the scene scaled by `scale`.

    camera: of the scaled scene. pixel: rad. shutter: seconds for which it is open.
    """
    water = frame.whitewater
    if water is None or len(water.positions) == 0:
        nothing = np.zeros((1, COLUMNS), np.float32)
        return Froth(nothing, np.zeros(2, np.int32), np.full((1, 1, 1), 255, np.uint8))
    centres = water.positions * np.float32(scale)
    spread = _SIZES[0] + (_SIZES[1] - _SIZES[0]) * _noise(water.id) ** 2
    radius = _RADII[water.kind] * spread * np.float32(frame.dx * scale)
    least = np.linalg.norm(centres - np.array(camera.eye, np.float32), axis=1) * np.float32(
        _LEAST * pixel
    )
    opacity = _OPACITY[water.kind] * np.minimum(water.life / np.float32(_FADING), 1)
    opacity *= np.minimum(radius / least, 1) ** 2
    half_way = water.velocities * np.float32(scale * shutter / 2)
    radius = np.maximum(radius, least)
    balls = np.column_stack([centres, radius, opacity, half_way]).astype(np.float32)
    return _listed(balls, frame.shape, np.float32(frame.dx * scale))


def _listed(balls: np.ndarray, shape: tuple[int, ...], dx: np.float32) -> Froth:
    """Balls, listed by the cells that they reach into."""
    reach = balls[:, 3:4] + np.abs(balls[:, 5:8])
    last = np.array(shape) - 1
    low = np.clip((balls[:, :3] - reach) / dx, 0, last).astype(np.int64)
    high = np.clip((balls[:, :3] + reach) / dx, 0, last).astype(np.int64)
    sides = high - low + 1
    each = sides.prod(1)
    ball = np.repeat(np.arange(len(balls)), each)
    rank = np.arange(len(ball)) - np.repeat(np.cumsum(each) - each, each)
    across, along = sides[ball, 1] * sides[ball, 2], sides[ball, 2]
    steps = np.stack([rank // across, rank % across // along, rank % along], -1)
    key = np.ravel_multi_index(tuple((low[ball] + steps).T), shape)
    order = np.argsort(key, kind="stable")
    counts = np.bincount(key, minlength=int(np.prod(shape)))
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    free = np.asarray(distance_transform_cdt((counts == 0).reshape(shape), "chessboard"))
    return Froth(balls[ball[order]], starts, np.minimum(free, 255).astype(np.uint8))


def _noise(ids: np.ndarray) -> np.ndarray:
    """A number from 0 to 1 for each id, always the same (a golden ratio sequence)."""
    return (ids * np.float64(0.6180339887498949) % 1).astype(np.float32)


@ti.func
def _ball_light(n, stage):
    """The light of a white ball where its normal is n."""
    lit = 0.35 + 0.45 * ti.max(n.dot(stage.sun), 0.0)
    return stage.sunlight * lit + stage.skylight * (0.8 + 0.2 * n.z)


@ti.func
def froth_along(froth: ti.template(), origin, direction, end, absorption, scattered, stage):
    """The light of the balls that a ray meets before `end`, and the part of it that goes on.

    absorption, scattered: of the water that it goes through; both are 0 in air.
    """
    light, clear = vec3(0.0), 1.0
    cells = ti.Vector([froth.free.shape[0], froth.free.shape[1], froth.free.shape[2]])
    size = stage.upper[2] / cells[2]
    near, far = box_span(origin, direction, stage.upper)
    far = ti.min(far, end)
    if froth.starts[froth.starts.shape[0] - 1] == 0:
        far = near
    t = near
    while t < far and clear > _CLEAR:
        place = (origin + direction * t) / size
        cell = ti.math.clamp(ti.cast(place, ti.i32), 0, cells - 1)
        gap = ti.max(ti.cast(froth.free[cell], ti.i32) - 1, 0)
        leave = far
        for axis in ti.static(range(3)):
            if ti.abs(direction[axis]) > 1e-6:
                side = cell[axis] - gap
                if direction[axis] > 0:
                    side = cell[axis] + 1 + gap
                leave = ti.min(leave, (side * size - origin[axis]) / direction[axis])
        leave = ti.max(leave, t) + 1e-3 * size
        if gap == 0:
            flat = (cell[0] * cells[1] + cell[1]) * cells[2] + cell[2]
            for b in range(froth.starts[flat], froth.starts[flat + 1]):
                off = vec3(froth.balls[b, 0], froth.balls[b, 1], froth.balls[b, 2]) - origin
                way = vec3(froth.balls[b, 5], froth.balls[b, 6], froth.balls[b, 7])
                along, forth = off.dot(direction), way.dot(direction)
                off -= along * direction
                side_way = way - forth * direction
                square = side_way.norm_sqr()
                part = 0.0
                if square > 0:
                    part = ti.math.clamp(-off.dot(side_way) / square, -1.0, 1.0)
                off += part * side_way
                along += part * forth
                radius = froth.balls[b, 3]
                reach = off.norm_sqr() / (radius * radius)
                if reach < 1 and t <= along < leave and along < far:
                    cover = froth.balls[b, 4] * (1 - reach) ** 2
                    cover *= radius / (radius + ti.sqrt(square))
                    n = (-ti.sqrt(1 - reach) * direction - off / radius).normalized()
                    passed = ti.exp(-absorption * along)
                    seen = _ball_light(n, stage) * passed + scattered * (1 - passed)
                    light += clear * cover * seen
                    clear *= 1 - cover
        t = leave
    return light, clear
