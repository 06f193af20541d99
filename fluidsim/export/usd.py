# pyright: reportAttributeAccessIssue=false
"""A run as a USD stage: particles, surface and solids, with a time sample for each frame.

/run            metres, z up; time codes are the numbers of frames
/run/particles  UsdGeomPoints with velocities and widths
/run/surface    UsdGeomMesh with velocities, 3D only
/run/solids     UsdGeomMesh, 3D only
/run/whitewater UsdGeomPoints with velocities, ids and widths, where it was made; primvars age (s)
                and kind (0 spray, 1 foam, 2 bubble)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fluidsim.errors import SimulationError
from fluidsim.export.meshes import TriangleMesh, solid_mesh, surface_mesh
from fluidsim.render.frame import Frame, LiquidFrame, WhitewaterParticles

try:
    from pxr import Gf, Sdf, Usd, UsdGeom, Vt
except ImportError as error:
    raise SimulationError('USD needs usd-core: pip install "fluidsim-lab[usd]"') from error

_WATER, _STONE, _FOAM = (0.15, 0.45, 0.75), (0.8, 0.4, 0.2), (0.95, 0.97, 1.0)  # of previews
_PARTICLES_A_CELL = 2  # particles of a cell along each axis
_WHITEWATER_A_CELL = 5  # diameters of its particles in a cell


class UsdWriter:
    """Writes frames to a new stage at `path` (.usd, .usdc or .usda), one for each `add`.

    interval: simulated seconds between frames; the stage plays in real time. Only one frame is in
    memory at a time.
    """

    def __init__(self, path: Path, interval: float):
        self._stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(self._stage, UsdGeom.Tokens.z)
        UsdGeom.SetStageMetersPerUnit(self._stage, 1.0)
        rate = round(1 / interval, 6)
        self._stage.SetTimeCodesPerSecond(rate)
        self._stage.SetFramesPerSecond(rate)
        self._stage.SetDefaultPrim(UsdGeom.Xform.Define(self._stage, "/run").GetPrim())
        self._solids: np.ndarray | None = None

    def add(self, frame: Frame) -> None:
        """Write a frame. Raises ValueError for smoke."""
        if not isinstance(frame, LiquidFrame):
            raise ValueError(
                "only runs of liquids go to USD; for smoke, open smoke.pvd in ParaView"
            )
        if not self._stage.HasAuthoredTimeCodeRange():
            self._stage.SetStartTimeCode(frame.number)
        self._stage.SetEndTimeCode(frame.number)
        self._add_particles(frame)
        if frame.whitewater is not None:
            self._add_whitewater(frame.whitewater, frame)
        if len(frame.shape) == 3:
            self._set_mesh("/run/surface", surface_mesh(frame), _WATER, frame.number)
            self._add_solids(frame)
        self._stage.Save()

    def _add_particles(self, frame: LiquidFrame) -> None:
        points = UsdGeom.Points.Define(self._stage, "/run/particles")
        places = _in_space(frame.positions)
        points.GetPointsAttr().Set(_vectors(places), frame.number)
        points.GetVelocitiesAttr().Set(_vectors(_in_space(frame.velocities)), frame.number)
        width = frame.dx / _PARTICLES_A_CELL
        points.SetWidthsInterpolation(UsdGeom.Tokens.constant)
        points.GetWidthsAttr().Set(Vt.FloatArray([width]))
        _shared(points, places, width / 2, _WATER, frame.number)

    def _add_whitewater(self, white: WhitewaterParticles, frame: LiquidFrame) -> None:
        points, code = UsdGeom.Points.Define(self._stage, "/run/whitewater"), frame.number
        places = _in_space(white.positions)
        points.GetPointsAttr().Set(_vectors(places), code)
        points.GetVelocitiesAttr().Set(_vectors(_in_space(white.velocities)), code)
        points.GetIdsAttr().Set(Vt.Int64Array.FromNumpy(white.id.astype(np.int64)), code)
        width = frame.dx / _WHITEWATER_A_CELL
        points.SetWidthsInterpolation(UsdGeom.Tokens.constant)
        points.GetWidthsAttr().Set(Vt.FloatArray([width]))
        variables, each = UsdGeom.PrimvarsAPI(points), UsdGeom.Tokens.vertex
        age = variables.CreatePrimvar("age", Sdf.ValueTypeNames.FloatArray, each)
        age.Set(Vt.FloatArray.FromNumpy(white.age), code)
        kind = variables.CreatePrimvar("kind", Sdf.ValueTypeNames.IntArray, each)
        kind.Set(Vt.IntArray.FromNumpy(white.kind.astype(np.int32)), code)
        _shared(points, places, width / 2, _FOAM, code)

    def _add_solids(self, frame: Frame) -> None:
        """Write a time sample if the solids have moved."""
        solids = frame.solids
        if solids is None or (
            self._solids is not None and np.array_equal(self._solids, solids.distance)
        ):
            return
        self._solids = solids.distance
        self._set_mesh("/run/solids", solid_mesh(solids), _STONE, frame.number)

    def _set_mesh(
        self, path: str, mesh: TriangleMesh, colour: tuple[float, float, float], code: int
    ) -> None:
        prim = UsdGeom.Mesh.Define(self._stage, Sdf.Path(path))
        prim.GetSubdivisionSchemeAttr().Set(UsdGeom.Tokens.none)
        _shared(prim, mesh.points, 0.0, colour, code)
        prim.GetPointsAttr().Set(_vectors(mesh.points), code)
        counts = np.full(len(mesh.triangles), 3, np.int32)
        prim.GetFaceVertexCountsAttr().Set(Vt.IntArray.FromNumpy(counts), code)
        corners = Vt.IntArray.FromNumpy(mesh.triangles.reshape(-1))
        prim.GetFaceVertexIndicesAttr().Set(corners, code)
        if mesh.velocities is not None:
            prim.GetVelocitiesAttr().Set(_vectors(mesh.velocities), code)


def _shared(
    prim: UsdGeom.PointBased, points: np.ndarray, radius: float,
    colour: tuple[float, float, float], code: int,
) -> None:  # fmt: skip
    """Set what every prim has: a colour and, unless it is empty, the box around its points."""
    prim.GetDisplayColorAttr().Set(Vt.Vec3fArray([Gf.Vec3f(*colour)]))
    if len(points):
        extent = np.stack([points.min(0) - radius, points.max(0) + radius])
        prim.GetExtentAttr().Set(_vectors(extent), code)


def _in_space(values: np.ndarray) -> np.ndarray:
    """Vectors (n, dim) as (n, 3); a plane is at y = 0."""
    if values.shape[1] == 3:
        return values
    return np.stack([values[:, 0], np.zeros_like(values[:, 0]), values[:, 1]], axis=-1)


def _vectors(values: np.ndarray) -> Vt.Vec3fArray:
    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))
