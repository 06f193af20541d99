# pyright: reportMissingImports=false
"""A run as an Alembic archive: particles, surface and solids, with a sample for each frame.

/particles  points with velocities and widths
/surface    polygons with velocities, 3D only
/solids     polygons, 3D only
/whitewater points with velocities, ids and widths, where it was made; arbitrary parameters age (s)
            and kind (0 spray, 1 foam, 2 bubble)

Metres, seconds; y up, as other programs expect of Alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fluidsim.errors import SimulationError
from fluidsim.export.meshes import TriangleMesh, solid_mesh, surface_mesh
from fluidsim.render.frame import Frame, LiquidFrame, WhitewaterParticles

try:
    import imath  # comes with alembic3d
    from alembic3d import Abc, AbcGeom
    from alembic3d.AbcCoreAbstract import TimeSampling
except ImportError as error:
    raise SimulationError('Alembic needs alembic3d: pip install "fluidsim-lab[alembic]"') from error

_PARTICLES_A_CELL = 2  # particles of a cell along each axis
_WHITEWATER_A_CELL = 5  # diameters of its particles in a cell


class AlembicWriter:
    """Writes frames to a new archive at `path`, one for each `add`, until it is closed.

    interval: simulated seconds between frames. start: time of the first one, s. Only one frame is
    in memory at a time.
    """

    def __init__(self, path: Path, interval: float, start: float):
        self._archive = Abc.CreateArchiveWithInfo(str(path), "fluidsim", "")
        self._clock = TimeSampling(interval, start)
        self._schemas: dict[str, AbcGeom.OPolyMeshSchema | AbcGeom.OPointsSchema] = {}
        self._extra: dict[str, Any] = {}  # parameters of whitewater
        self._solids: np.ndarray | None = None

    def add(self, frame: Frame) -> None:
        """Write a frame. Raises ValueError for smoke."""
        if not isinstance(frame, LiquidFrame):
            raise ValueError("only runs of liquids go to Alembic; for smoke, take --to vdb")
        self._add_particles(frame)
        if frame.whitewater is not None:
            self._add_whitewater(frame.whitewater, frame.dx / _WHITEWATER_A_CELL)
        if len(frame.shape) == 3:
            self._mesh_schema("surface").set(_sample(surface_mesh(frame)))
            if frame.solids is not None:
                self._add_solids(frame)

    def close(self) -> None:
        """Write what is left."""
        self._schemas.clear()
        self._extra.clear()
        del self._archive

    def _add_particles(self, frame: LiquidFrame) -> None:
        numbers = np.arange(len(frame.positions), dtype=np.int32)
        width = frame.dx / _PARTICLES_A_CELL
        self._set_points("particles", frame.positions, frame.velocities, numbers, width)

    def _add_whitewater(self, white: WhitewaterParticles, width: float) -> None:
        numbers = white.id.astype(np.int32)
        schema = self._set_points("whitewater", white.positions, white.velocities, numbers, width)
        if not self._extra:
            about, each = schema.getArbGeomParams(), AbcGeom.GeometryScope.kVertexScope
            self._extra = {
                "age": AbcGeom.OFloatGeomParam(about, "age", False, each, 1),
                "kind": AbcGeom.OInt32GeomParam(about, "kind", False, each, 1),
            }
            for parameter in self._extra.values():
                parameter.setTimeSampling(self._clock)
        each = AbcGeom.GeometryScope.kVertexScope
        age = imath.FloatArrayFromBuffer(np.ascontiguousarray(white.age))
        kind = imath.IntArrayFromBuffer(white.kind.astype(np.int32))
        self._extra["age"].set(AbcGeom.OFloatGeomParamSample(age, each))
        self._extra["kind"].set(AbcGeom.OInt32GeomParamSample(kind, each))

    def _set_points(
        self, name: str, positions: np.ndarray, velocities: np.ndarray, numbers: np.ndarray,
        width: float,
    ) -> AbcGeom.OPointsSchema:  # fmt: skip
        """Write a sample of points."""
        if name not in self._schemas:
            self._schemas[name] = AbcGeom.OPoints(self._archive.getTop(), name).getSchema()
            self._schemas[name].setTimeSampling(self._clock)
        sample = AbcGeom.OPointsSchemaSample(_vectors(positions), imath.IntArrayFromBuffer(numbers))
        sample.setVelocities(_vectors(velocities))
        widths = imath.FloatArray(1)
        widths[0] = width
        scope = AbcGeom.GeometryScope.kConstantScope
        sample.setWidths(AbcGeom.OFloatGeomParamSample(widths, scope))
        self._schemas[name].set(sample)
        return self._schemas[name]

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
