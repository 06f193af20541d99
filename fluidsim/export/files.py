"""Writes meshes as files that other programs read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvista
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

from fluidsim.export.meshes import TriangleMesh
from fluidsim.files import replacing
from fluidsim.render.frame import WhitewaterParticles
from fluidsim.store import whitewater
from fluidsim.store.vti import write_xml


def write_ply(path: Path, mesh: TriangleMesh) -> None:
    """Write binary PLY: float32 x y z and, if the mesh has velocities, vx vy vz of each vertex."""
    names = ("x", "y", "z") if mesh.velocities is None else ("x", "y", "z", "vx", "vy", "vz")
    rows = [mesh.points] if mesh.velocities is None else [mesh.points, mesh.velocities]
    faces = np.empty(len(mesh.triangles), dtype=[("count", "u1"), ("vertices", "<i4", 3)])
    faces["count"] = 3
    faces["vertices"] = mesh.triangles
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.points)}"]
    header += [f"property float {name}" for name in names]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode("ascii"))
        file.write(np.hstack(rows).astype("<f4").tobytes())
        file.write(faces.tobytes())


def write_points(path: Path, particles: WhitewaterParticles) -> None:
    """Write whitewater as .vtp, or as binary PLY like the files of the run."""
    if path.suffix == ".ply":
        whitewater.write(path, particles)
        return
    data = pyvista.PolyData(particles.positions)
    if len(particles.id):
        for name in ("kind", "id", "age", "life"):
            data.point_data[name] = getattr(particles, name)
        data.point_data["velocity"] = particles.velocities
    write_xml(path, data, vtkXMLPolyDataWriter())


def write_vtp(path: Path, mesh: TriangleMesh) -> None:
    """Write VTK polygonal data, LZ4, with the velocity of each vertex if the mesh has it."""
    data = pyvista.PolyData.from_regular_faces(mesh.points, mesh.triangles)
    if mesh.velocities is not None and len(mesh.points):
        data.point_data["velocity"] = mesh.velocities
    write_xml(path, data, vtkXMLPolyDataWriter())
