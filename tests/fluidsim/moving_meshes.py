"""Files of animated meshes for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvista

BALL = pyvista.Icosphere(radius=1.0, nsub=3)


def balls(
    folder: Path, radii: Sequence[float], centres: Sequence[Sequence[float]], suffix: str = ".obj"
) -> Path:
    """The folder of a ball's frames."""
    folder.mkdir(exist_ok=True)
    for number, (radius, centre) in enumerate(zip(radii, centres, strict=True), start=1):
        points = np.asarray(BALL.points, float) * radius + np.array(centre)
        write(folder / f"ball_{number:03d}{suffix}", points, BALL.regular_faces)
    return folder


def write(path: Path, points: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh; faces (m, corners)."""
    if path.suffix in (".stl", ".ply"):
        pyvista.PolyData.from_regular_faces(np.asarray(points, np.float64), faces).save(path)
        return
    rows = [" ".join(f"{x:.9g}" for x in point) for point in points]
    if path.suffix == ".off":
        rings = ["{} {}".format(len(face), " ".join(map(str, face))) for face in faces]
        path.write_text("\n".join(["OFF", f"{len(rows)} {len(rings)} 0", *rows, *rings]) + "\n")
        return
    rings = [" ".join(str(corner + 1) for corner in face) for face in faces]
    lines = [f"v {row}" for row in rows] + [f"f {ring}" for ring in rings]
    path.write_text("\n".join(lines) + "\n")
