# pyright: reportMissingImports=false
"""A run as an Alembic archive: particles, surface and solids, with a sample for each frame.

/particles  points with velocities and widths
/surface    polygons with velocities, 3D only
/solids     polygons, 3D only

Metres, seconds; y up, as other programs expect of Alembic.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fluidsim.errors import SimulationError
from fluidsim.export.meshes import TriangleMesh, solid_mesh, surface_mesh
from fluidsim.render.frame import Frame, LiquidFrame

try:
    import imath  # comes with alembic3d
    from alembic3d import Abc, AbcGeom
    from alembic3d.AbcCoreAbstract import TimeSampling
except ImportError as error:
    raise SimulationError('Alembic needs alembic3d: pip install "fluidsim-lab[alembic]"') from error

_PARTICLES_A_CELL = 2  # particles of a cell along each axis


class AlembicWriter:
    """Writes frames to a new archive at `path`, one for each `add`, until it is closed.

    interval: simulated seconds between frames. start: time of the first one, s. Only one frame is
    in memory at a time.
    """

    def __init__(self, path: Path, interval: float, start: float):
        self._archive = Abc.CreateArchiveWithInfo(str(path), "fluidsim", "")
        self._clock = TimeSampling(interval, start)
        self._schemas: dict[str, AbcGeom.OPolyMeshSchema | AbcGeom.OPointsSchema] = {}
        self._solids: np.ndarray | None = None

    def add(self, frame: Frame) -> None:
        """Write a frame. Raises ValueError for smoke."""
        if not isinstance(frame, LiquidFrame):
            raise ValueError("only runs of liquids go to Alembic; for smoke, take --to vdb")
        self._add_particles(frame)
        if len(frame.shape) == 3:
            self._mesh_schema("surface").set(_sample(surface_mesh(frame)))
            if frame.solids is not None:
                self._add_solids(frame)

    def close(self) -> None:
        """Write what is left."""
        self._schemas.clear()
        del self._archive

    def _add_particles(self, frame: LiquidFrame) -> None:
        if "particles" not in self._schemas:
            points = AbcGeom.OPoints(self._archive.getTop(), "particles")
            self._schemas["particles"] = points.getSchema()
            self._schemas["particles"].setTimeSampling(self._clock)
        numbers = imath.IntArrayFromBuffer(np.arange(len(frame.positions), dtype=np.int32))
        sample = AbcGeom.OPointsSchemaSample(_vectors(frame.positions), numbers)
        sample.setVelocities(_vectors(frame.velocities))
        width = imath.FloatArray(1)
        width[0] = frame.dx / _PARTICLES_A_CELL
        scope = AbcGeom.GeometryScope.kConstantScope
        sample.setWidths(AbcGeom.OFloatGeomParamSample(width, scope))
        self._schemas["particles"].set(sample)

    def _add_solids(self, frame: LiquidFrame) -> None:
        solids, schema = frame.solids, self._mesh_schema("solids")
        assert solids is not None
        if self._solids is not None and np.array_equal(self._solids, solids.distance):
            schema.setFromPrevious()
        else:
            schema.set(_sample(solid_mesh(solids)))
        self._solids = solids.distance

    def _mesh_schema(self, name: str) -> AbcGeom.OPolyMeshSchema:
        if name not in self._schemas:
            mesh = AbcGeom.OPolyMesh(self._archive.getTop(), name)
            self._schemas[name] = mesh.getSchema()
            self._schemas[name].setTimeSampling(self._clock)
        return self._schemas[name]


def _sample(mesh: TriangleMesh) -> AbcGeom.OPolyMeshSchemaSample:
    """A mesh with the corners of each triangle clockwise, as Alembic wants them."""
    corners = np.ascontiguousarray(mesh.triangles[:, ::-1]).reshape(-1)
    counts = np.full(len(mesh.triangles), 3, np.int32)
    sample = AbcGeom.OPolyMeshSchemaSample(
        _vectors(mesh.points), imath.IntArrayFromBuffer(corners), imath.IntArrayFromBuffer(counts)
    )
    if mesh.velocities is not None:
        sample.setVelocities(_vectors(mesh.velocities))
    return sample


def _vectors(values: np.ndarray) -> imath.V3fArray:
    """Vectors (n, dim), whose last axis points up, with y up; a plane is at z = 0."""
    if values.shape[1] == 3:
        turned = np.stack([values[:, 0], values[:, 2], -values[:, 1]], axis=-1)
    else:
        turned = np.pad(values, ((0, 0), (0, 1)))
    return imath.V3fArrayFromBuffer(np.ascontiguousarray(turned, np.float32))
