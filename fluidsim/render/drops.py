# pyright: reportInvalidTypeForm=false, reportGeneralTypeIssues=false
# pyright: reportIndexIssue=false, reportOptionalCall=false
"""Drops and patches of foam, drawn as small balls over a finished 3D picture.

A clear ball mirrors and refracts the floor and the sky; a white one is lit like chalk, and foam
is soft. Balls behind what the picture shows are hidden. The farthest ball is drawn first.
"""

from typing import Any

import numpy as np
import taichi as ti

from fluidsim.grid.scheduling import CPU, dealt_item, loop_length
from fluidsim.render.arrays import Image, Map, Volume, vec2, vec3
from fluidsim.render.camera import Camera
from fluidsim.render.rays import Pinhole, display, refracted
from fluidsim.render.sampling import pinhole_of
from fluidsim.render.spray import Spray
from fluidsim.render.stage import Stage, surroundings

Balls: Any = ti.types.ndarray(dtype=ti.f32, ndim=2)

_STRIPE = 8  # rows of pixels that one thread draws at a time
_FOAM = 0.3  # opacity of a patch of white foam
_LEAST = 0.6  # least radius in pixels; smaller balls fade instead
_FINE = 6.0  # radius in pixels of balls that need one colour a pixel; smaller ones: up to 3 x 3
_SPREAD = 0.05  # rad by which a beam widens in a ball
# Columns of a ball: centre (3), place (2) and radius in pixels, distance, white, sunk.


def draw_spray(
    picture: np.ndarray, distance: np.ndarray, spray: Spray, scale: float, camera: Camera,
    solid: np.ndarray, light: np.ndarray, stage: Any,
) -> None:  # fmt: skip
    """Draw into a picture (height, width, 3) of display colours, 0 .. 1.

    distance: (height, width), along the ray, to what the picture shows; updated where drops are.
    scale: of the scene; camera: of the scaled scene.
    """
    balls = _projected(spray, scale, camera, picture.shape[:2])
    if len(balls):
        pinhole = pinhole_of(camera, picture.shape[1::-1])
        _draw(picture, distance, balls, solid, light, pinhole, stage)


def _projected(spray: Spray, scale: float, camera: Camera, size: tuple[int, ...]) -> np.ndarray:
    """The balls (n, columns) in front of the camera and within the picture, the farthest first."""
    height, width = size
    centres = spray.centres * np.float32(scale)
    away = np.linalg.norm(centres - camera.eye, axis=1)
    front = (centres - camera.eye) @ camera.axes()[0] > 1e-3
    place = np.full((len(centres), 2), np.inf)
    place[front] = camera.project(centres[front], width / height)
    half = height / (2 * np.tan(np.radians(camera.field_of_view) / 2))
    radius = spray.radii * scale / np.maximum(away, 1e-3) * half
    place = (place * (1, -1) + 1) * (width / 2, height / 2) - 0.5
    seen = front & (np.abs(place - (width / 2, height / 2)) < (width, height)).all(1)
    order = np.flatnonzero(seen)[np.argsort(-away[seen], kind="stable")]
    columns = [centres, place, radius[:, None], away[:, None], spray.white[:, None]]
    columns.append(spray.sunk[:, None] * scale)
    return np.hstack(columns)[order].astype(np.float32)


@ti.func
def _ball_colour(centre, n, direction, white, solid: ti.template(), light: ti.template(), stage):
    """The colour of a ball where its normal is n, seen along a direction."""
    clear = vec3(0.0)
    if white < 1:
        into, cosine, _ = refracted(direction, n, False)
        leaving = n - 2 * n.dot(into) * into  # the normal where the ray leaves the ball
        through, _, _ = refracted(into, -leaving, True)
        mirror = 0.02 + 0.98 * ti.pow(1 - cosine, 5.0)
        clear = surroundings(centre, through, _SPREAD, solid, light, stage) * (1 - mirror)
        mirrored = direction + 2 * cosine * n
        clear += surroundings(centre, mirrored, _SPREAD, solid, light, stage) * mirror
    lit = 0.35 + 0.45 * ti.max(n.dot(stage.sun), 0.0)  # light scatters through foam
    chalk = stage.sunlight * lit + stage.skylight * (0.8 + 0.2 * n.z)
    return clear * (1 - white) + chalk * white


@ti.func
def _facing(off, across, direction):
    """The normal of a ball at a place `off` its centre, in radii, as it is seen."""
    reach = off.norm()
    if reach > 0.97:
        off *= 0.97 / reach
    depth = ti.sqrt(1 - off.norm_sqr())
    n = off.x * across + off.y * across.cross(direction) - depth * direction
    return n.normalized()


@ti.kernel
def _draw(
    picture: Image, distance: Map, balls: Balls, solid: Volume, light: Map, pinhole: Pinhole,
    stage: Stage,
):  # fmt: skip
    height, width = picture.shape[0], picture.shape[1]
    stripes = (height + _STRIPE - 1) // _STRIPE
    for item in range(loop_length(stripes, CPU)):
        stripe = dealt_item(item, stripes, CPU)
        if stripe < stripes:
            top, bottom = stripe * _STRIPE, ti.min((stripe + 1) * _STRIPE, height) - 1
            for b in range(balls.shape[0]):
                radius = ti.max(balls[b, 5], _LEAST)
                fade = ti.min(balls[b, 5] / _LEAST, 1.0) ** 2
                column, row = balls[b, 3], balls[b, 4]
                if row + radius + 1 >= top and row - radius - 1 <= bottom:
                    white = balls[b, 7] if balls[b, 8] == 0 else 1.0
                    centre = vec3(balls[b, 0], balls[b, 1], balls[b, 2])
                    direction = (centre - pinhole.eye) / balls[b, 6]
                    across = pinhole.right.normalized()
                    parts = int(ti.math.clamp(_FINE / radius, 1.0, 3.0)) if white < 1 else 1
                    middle = vec2(0.5, -0.5) * (parts - 1)
                    first = ti.max(int(ti.ceil(row - radius - 1)), top)
                    last = ti.min(int(ti.floor(row + radius + 1)), bottom)
                    left = ti.max(int(ti.ceil(column - radius - 1)), 0)
                    right = ti.min(int(ti.floor(column + radius + 1)), width - 1)
                    for y in range(first, last + 1):
                        for x in range(left, right + 1):
                            off = vec2(x - column, row - y) / radius
                            reach = off.norm()
                            cover = ti.math.clamp((1 - reach) * radius + 0.5, 0.0, 1.0) * fade
                            if balls[b, 8] > 0:
                                cover = _FOAM * balls[b, 7] * ti.max(1 - reach * reach, 0.0) ** 2
                            if cover > 0 and distance[y, x] + balls[b, 8] > balls[b, 6]:
                                seen = vec3(0.0)
                                for part in range(parts * parts):
                                    step = vec2(part % parts, -(part // parts)) - middle
                                    n = _facing(off + step / (parts * radius), across, direction)
                                    seen += _ball_colour(
                                        centre, n, direction, white, solid, light, stage
                                    ) / (parts * parts)
                                old = picture[y, x]
                                picture[y, x] = old + cover * (display(seen) - old)
                                if balls[b, 8] == 0 and cover > 0.5:
                                    distance[y, x] = balls[b, 6]
