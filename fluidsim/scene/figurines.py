"""What a mesh stands for in a scene: what `--mesh` names, a mesh, a spline or the frames of an
animation, or a figure of shapes.

Bunny, dragon and duck are smooth unions of ellipsoids and capsules. In 2D they are their outlines
from the side.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from fluidsim.scene.config import RunConfig
from fluidsim.scene.plain import as_json
from fluidsim.scene.scene import Scene
from fluidsim.solid.animated import AnimatedMesh
from fluidsim.solid.mesh import Mesh
from fluidsim.solid.mesh_sequence import is_sequence
from fluidsim.solid.shapes import Capsule, Ellipsoid, Shape, SmoothUnion, Vector
from fluidsim.solid.spline_files import SplineFigure

# Points, radii and lengths are parts of the height; the figure looks along x and stands at 0.
Point = tuple[float, float, float]
_Ball = tuple[Point, Point]  # centre, radii
_Limb = tuple[Point, Point, float, float]  # ends, radii there

_BUNNY_BALLS: Sequence[_Ball] = (
    ((-0.06, 0, 0.28), (0.33, 0.25, 0.27)),
    ((-0.20, 0, 0.36), (0.24, 0.22, 0.22)),
    ((0.16, 0, 0.34), (0.16, 0.17, 0.24)),
    ((0.27, 0, 0.61), (0.18, 0.14, 0.145)),
    ((0.39, 0, 0.57), (0.08, 0.08, 0.07)),
    ((-0.42, 0, 0.20), (0.10, 0.10, 0.10)),
    ((-0.17, 0.19, 0.19), (0.20, 0.11, 0.18)),
    ((-0.17, -0.19, 0.19), (0.20, 0.11, 0.18)),
)
_BUNNY_LIMBS: Sequence[_Limb] = (
    ((0.22, 0.07, 0.70), (0.02, 0.13, 0.94), 0.045, 0.06),
    ((0.22, -0.07, 0.70), (0.02, -0.13, 0.94), 0.045, 0.06),
    ((-0.12, 0.20, 0.06), (0.12, 0.21, 0.05), 0.06, 0.05),
    ((-0.12, -0.20, 0.06), (0.12, -0.21, 0.05), 0.06, 0.05),
    ((0.22, 0.11, 0.25), (0.30, 0.11, 0.05), 0.075, 0.05),
    ((0.22, -0.11, 0.25), (0.30, -0.11, 0.05), 0.075, 0.05),
)
_DRAGON_BALLS: Sequence[_Ball] = (
    ((-0.05, 0, 0.36), (0.30, 0.17, 0.18)),
    ((0.56, 0, 0.83), (0.15, 0.09, 0.09)),
    ((0.70, 0, 0.80), (0.11, 0.06, 0.05)),
    ((0.66, 0, 0.72), (0.10, 0.05, 0.025)),
)
_DRAGON_LIMBS: Sequence[_Limb] = (
    ((0.16, 0, 0.40), (0.33, 0, 0.56), 0.15, 0.11),  # neck
    ((0.33, 0, 0.56), (0.36, 0, 0.74), 0.11, 0.09),
    ((0.36, 0, 0.74), (0.54, 0, 0.85), 0.09, 0.08),
    ((0.50, 0.05, 0.89), (0.34, 0.09, 0.97), 0.035, 0.02),  # horns
    ((0.50, -0.05, 0.89), (0.34, -0.09, 0.97), 0.035, 0.02),
    ((-0.26, 0, 0.34), (-0.50, 0, 0.20), 0.14, 0.10),  # tail
    ((-0.50, 0, 0.20), (-0.74, 0, 0.16), 0.10, 0.07),
    ((-0.74, 0, 0.16), (-0.88, 0, 0.30), 0.07, 0.05),
    ((-0.88, 0, 0.30), (-0.84, 0, 0.48), 0.05, 0.03),
    ((0.14, 0.12, 0.32), (0.22, 0.17, 0.05), 0.08, 0.06),  # legs
    ((0.14, -0.12, 0.32), (0.22, -0.17, 0.05), 0.08, 0.06),
    ((-0.22, 0.13, 0.30), (-0.24, 0.19, 0.05), 0.11, 0.06),
    ((-0.22, -0.13, 0.30), (-0.24, -0.19, 0.05), 0.11, 0.06),
    ((0.22, 0.17, 0.045), (0.32, 0.18, 0.04), 0.05, 0.04),
    ((0.22, -0.17, 0.045), (0.32, -0.18, 0.04), 0.05, 0.04),
    ((-0.24, 0.19, 0.045), (-0.13, 0.20, 0.04), 0.05, 0.04),
    ((-0.24, -0.19, 0.045), (-0.13, -0.20, 0.04), 0.05, 0.04),
    ((0.05, 0.10, 0.50), (-0.10, 0.26, 0.84), 0.05, 0.04),  # wings
    ((0.05, -0.10, 0.50), (-0.10, -0.26, 0.84), 0.05, 0.04),
    ((-0.10, 0.26, 0.84), (-0.44, 0.36, 0.66), 0.04, 0.03),
    ((-0.10, -0.26, 0.84), (-0.44, -0.36, 0.66), 0.04, 0.03),
    ((0.00, 0.14, 0.56), (-0.34, 0.28, 0.62), 0.05, 0.035),
    ((0.00, -0.14, 0.56), (-0.34, -0.28, 0.62), 0.05, 0.035),
    ((-0.02, 0.18, 0.66), (-0.36, 0.31, 0.65), 0.06, 0.04),
    ((-0.02, -0.18, 0.66), (-0.36, -0.31, 0.65), 0.06, 0.04),
    ((-0.07, 0.22, 0.75), (-0.38, 0.33, 0.67), 0.05, 0.04),
    ((-0.07, -0.22, 0.75), (-0.38, -0.33, 0.67), 0.05, 0.04),
)

_DUCK_BALLS: Sequence[_Ball] = (
    ((0, 0, 0.30), (0.46, 0.34, 0.29)),
    ((-0.36, 0, 0.46), (0.20, 0.17, 0.12)),
    ((0.24, 0, 0.76), (0.24, 0.22, 0.22)),
    ((0.47, 0, 0.70), (0.15, 0.12, 0.055)),
)
_DUCK_LIMBS: Sequence[_Limb] = (
    ((0.18, 0, 0.42), (0.23, 0, 0.66), 0.20, 0.16),
    ((0.06, 0.29, 0.38), (-0.30, 0.24, 0.44), 0.12, 0.06),  # wings
    ((0.06, -0.29, 0.38), (-0.30, -0.24, 0.44), 0.12, 0.06),
)


def duck(config: RunConfig, base: Vector, height: float, turn: float = 0.0) -> Shape:
    """The mesh of the run, or else a duck for the bath: see `figurine`. It is rigid: raises
    ValueError for the frames of an animation."""
    shape = figurine(config, _DUCK_BALLS, _DUCK_LIMBS, base, height, turn)
    if isinstance(shape, AnimatedMesh):
        raise ValueError(f"--mesh: {config.mesh} has frames, but what floats here is rigid")
    return shape


def bunny(
    config: RunConfig, base: Vector, height: float, turn: float = 0.0
) -> Shape | AnimatedMesh:
    """The mesh of the run, or else a bunny: see `figurine`."""
    return figurine(config, _BUNNY_BALLS, _BUNNY_LIMBS, base, height, turn)


def dragon(
    config: RunConfig, base: Vector, height: float, turn: float = 0.0
) -> Shape | AnimatedMesh:
    """The mesh of the run, or else a dragon: see `figurine`."""
    return figurine(config, _DRAGON_BALLS, _DRAGON_LIMBS, base, height, turn)


def figurine(
    config: RunConfig,
    balls: Sequence[_Ball],
    limbs: Sequence[_Limb],
    base: Vector,
    height: float,
    turn: float,
) -> Shape | AnimatedMesh:
    """The mesh of the run, or else a smooth union of ellipsoids and tapering capsules.

    base: the middle below it, m. height: m. turn: about the up axis, rad; in 2D a figure that is
    turned by more than a right angle looks the other way. Raises ValueError for an unfit mesh.
    """
    if config.mesh is not None and is_sequence(config.mesh):
        return AnimatedMesh(config.mesh, base=base, height=height, turn=turn, up=config.mesh_up)
    if config.mesh is not None:
        kind = SplineFigure if config.mesh.suffix.lower() == ".json" else Mesh
        return kind(config.mesh, base, height, turn, config.mesh_up)
    ahead = -1.0 if config.dim == 2 and math.cos(turn) < 0 else 1.0

    def place(point: Point) -> Vector:
        x, y, z = point
        local = config.point(ahead * x, y, z)
        return tuple(b + height * k for b, k in zip(base, local, strict=True))

    parts: list[Shape] = []
    for center, radii in balls:
        parts.append(Ellipsoid(place(center), tuple(height * r for r in config.point(*radii))))
    for start, end, first, last in limbs:
        parts.append(Capsule(place(start), place(end), height * first, height * last))
    whole = SmoothUnion(tuple(parts), 0.05 * height)
    return whole if config.dim == 2 or turn == 0 else whole.rotated(turn, base, (0.0, 0.0, 1.0))


def check_mesh_is_used(scene: Scene, config: RunConfig) -> None:
    """Raises ValueError if a run names a mesh that its scene does not use, or turns none up."""
    if config.mesh is None and config.mesh_up != RunConfig.mesh_up:
        raise ValueError("--mesh-up: there is no --mesh FILE that it could be about")
    files = (f'"type": "{kind.__name__}"' for kind in (Mesh, SplineFigure, AnimatedMesh))
    if config.mesh is not None and not any(map(json.dumps(as_json(scene)).__contains__, files)):
        raise ValueError(f"--mesh: the scene {config.scene} has no mesh to replace")
