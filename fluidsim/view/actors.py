"""What the viewer shows of a frame, added to a VTK plotter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyvista
from scipy.ndimage import map_coordinates

from fluidsim.export.meshes import TriangleMesh, solid_mesh, surface_mesh
from fluidsim.render.frame import Frame, LiquidFrame, SmokeFrame
from fluidsim.render.surface import liquid_surface

_ARROWS = {2: 800, 3: 4000}  # at most so many, by dimension
_ARROW = 4.0  # cells: length of an arrow at the highest speed
_SOLID = "#b08968"
TEXT = "white"
_OPACITY: Any = [0, 0.25, 0.5, 0.7, 0.85]  # of smoke, for densities from 0 to 1
_BAR: Any = {
    "vertical": True, "height": 0.5, "width": 0.06, "position_x": 0.86, "position_y": 0.25,
    "fmt": "%.3g", "color": TEXT,
}  # fmt: skip


def add_particles(plotter: pyvista.Plotter, frame: Frame) -> None:
    """The particles of a liquid, coloured by speed."""
    positions, velocities = _particles(frame)
    cloud = pyvista.PolyData(positions)
    speed = np.linalg.norm(velocities, axis=1)
    _add(plotter, cloud, "speed (m/s)", speed, point_size=3, style="points")
    _add_whitewater(plotter, frame)


def add_surface(plotter: pyvista.Plotter, frame: Frame) -> None:
    """The surface of a liquid in 3D, coloured by speed."""
    mesh = surface_mesh(frame)
    assert mesh.velocities is not None
    speed = np.linalg.norm(mesh.velocities, axis=1)
    _add(plotter, _polygons(mesh), "speed (m/s)", speed, smooth_shading=True, specular=0.4)
    _add_whitewater(plotter, frame)


def add_glyphs(plotter: pyvista.Plotter, frame: Frame) -> None:
    """Velocities as arrows, at some of the particles or of the cells of smoke."""
    if isinstance(frame, LiquidFrame):
        places, velocities = _particles(frame)
    else:
        places = _grid(frame).cell_centers().points
        velocities = _in_space(frame.velocity.reshape(len(frame.shape), -1, order="F").T)
    if len(places) == 0:
        return
    chosen = np.random.default_rng(0).permutation(len(places))[: _ARROWS[len(frame.shape)]]
    cloud = pyvista.PolyData(places[chosen])
    cloud["velocity"] = velocities[chosen]
    speed = np.linalg.norm(velocities[chosen], axis=1)
    cloud["speed (m/s)"] = speed
    factor = _ARROW * frame.dx / max(_top(speed), 1e-9)
    arrows: Any = cloud.glyph(orient="velocity", scale="speed (m/s)", factor=factor)
    _add(plotter, arrows, "speed (m/s)", arrows["speed (m/s)"])


def add_slice(plotter: pyvista.Plotter, frame: Frame) -> None:
    """The plane y = const through the middle: the density of smoke, the speed of a liquid."""
    if isinstance(frame, LiquidFrame):
        surface = liquid_surface(
            frame.positions, frame.velocities, frame.shape, frame.dx, frame.solids
        )
        distance, speed = _middle(surface.distance), _middle(surface.speed)
        at = np.indices(distance.shape) / 2 - 0.5  # in cells
        values = map_coordinates(speed, at, order=1, mode="nearest")
        plane = _below_zero(distance, surface.spacing, {"speed (m/s)": values})
        name = "speed (m/s)"
    else:
        name, density = "density", _middle(frame.density)
        plane = _plane([n + 1 for n in density.shape], frame.dx)
        plane.cell_data[name] = density.ravel("F")
    if plane.n_points:
        _add(plotter, plane, name, np.asarray(plane[name]), lighting=False)


def add_pressure(plotter: pyvista.Plotter, frame: Frame) -> None:
    """The pressure, Pa: in 2D everywhere, in 3D on the surface of a liquid and along walls."""
    if frame.pressure is None:
        raise ValueError(
            "these frames hold no pressure; runs of liquids, and of smoke in 2D, store it"
        )
    flat = len(frame.shape) == 2
    if flat:
        body: Any = _grid(frame)
        values = frame.pressure.ravel("F")
    else:
        mesh = surface_mesh(frame)
        body, values = _polygons(mesh), _beside(frame.pressure, mesh.points / frame.dx)
    if body.n_points == 0:
        return
    body["pressure (Pa)"] = values
    low, high = (float(each) for each in np.percentile(values, (0.5, 99.5)))
    plotter.add_mesh(
        body, scalars="pressure (Pa)", cmap="viridis", clim=(low, max(high, low + 1e-6)),
        lighting=not flat, smooth_shading=not flat, scalar_bar_args=_BAR,
    )  # fmt: skip


def add_volume(plotter: pyvista.Plotter, frame: Frame) -> None:
    """The density of smoke in 3D as a cloud."""
    if not isinstance(frame, SmokeFrame) or len(frame.shape) != 3:
        raise ValueError("only runs of smoke in 3D have a volume")
    grid = _grid(frame)
    grid.cell_data["density"] = np.clip(frame.density, 0, 1).ravel("F")
    smooth: Any = grid.cell_data_to_point_data()
    plotter.add_volume(
        smooth, scalars="density", clim=(0, 1), cmap="gray",
        opacity=_OPACITY, opacity_unit_distance=6 * frame.dx, scalar_bar_args=_BAR,
    )  # fmt: skip


def box(frame: Frame) -> pyvista.PolyData:
    """The edges of the domain."""
    return _grid(frame).outline()


def add_solids(plotter: pyvista.Plotter, frame: Frame, flat: bool) -> None:
    """The solids; flat: their section by the plane through the middle."""
    if frame.solids is None:
        return
    if flat:
        body = _below_zero(_middle(frame.solids.distance), frame.solids.spacing, {})
    else:
        body = _polygons(solid_mesh(frame.solids))
    if body.n_points:
        plotter.add_mesh(body, color=_SOLID, smooth_shading=not flat, lighting=not flat)


WHAT: dict[str, Callable[[pyvista.Plotter, Frame], None]] = {
    "particles": add_particles,
    "surface": add_surface,
    "glyphs": add_glyphs,
    "slice": add_slice,
    "pressure": add_pressure,
    "volume": add_volume,
}


def usual(kind: str, dim: int) -> str:
    """The key of WHAT that shows most of a run."""
    if kind == "liquid":
        return "surface" if dim == 3 else "particles"
    return "volume" if dim == 3 else "slice"


def _add(
    plotter: pyvista.Plotter, data: pyvista.DataSet, name: str, values: np.ndarray, **style: Any
) -> None:
    if data.n_points == 0:
        return
    data[name] = values
    plotter.add_mesh(
        data, scalars=name, cmap="viridis", clim=(0, _top(values)), scalar_bar_args=_BAR, **style
    )


def _add_whitewater(plotter: pyvista.Plotter, frame: Frame) -> None:
    """Spray, foam and bubbles as white dots, where a run has them."""
    white = frame.whitewater if isinstance(frame, LiquidFrame) else None
    if white is not None and len(white.positions):
        cloud = pyvista.PolyData(_in_space(white.positions))
        plotter.add_mesh(cloud, color="white", style="points", point_size=2, lighting=False)


def _beside(pressure: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The pressure at points (n, 3), in cells, on the surface of a liquid: interpolated from only
    those cells around that have a pressure."""
    at = points.T - 0.5
    total, weight = (
        map_coordinates(values, at, order=1, mode="nearest")
        for values in (pressure, (pressure != 0).astype(np.float32))
    )
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-6)


def _top(values: np.ndarray) -> float:
    """The upper end of the colours; a few fast drops would make everything else dark."""
    return max(float(np.percentile(values, 99.5)), 1e-6)


def _particles(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(frame, LiquidFrame):
        raise ValueError(
            "only runs of liquids have particles; of smoke, show slice, volume or glyphs"
        )
    return _in_space(frame.positions), _in_space(frame.velocities)


def _grid(frame: Frame) -> pyvista.ImageData:
    """The cells; a plane is one node thick in y."""
    counts = [n + 1 for n in frame.shape]
    if len(counts) == 2:
        return _plane(counts, frame.dx)
    return pyvista.ImageData(dimensions=tuple(counts), spacing=(frame.dx,) * 3)


def _middle(field: np.ndarray) -> np.ndarray:
    """The plane in the middle of y; in 2D the field itself."""
    return field[:, field.shape[1] // 2] if field.ndim == 3 else field


def _plane(nodes: Sequence[int], spacing: float) -> pyvista.ImageData:
    return pyvista.ImageData(dimensions=(nodes[0], 1, nodes[1]), spacing=(spacing,) * 3)


def _below_zero(
    distance: np.ndarray, spacing: float, values: Mapping[str, np.ndarray]
) -> pyvista.UnstructuredGrid:
    """The part of a plane where the distance on its nodes is negative, with other node values."""
    plane = _plane(distance.shape, spacing)
    for name, field in {"distance": distance, **values}.items():
        plane.point_data[name] = field.ravel("F")
    return plane.clip_scalar(scalars="distance", value=0.0)  # pyright: ignore[reportReturnType]


def _polygons(mesh: TriangleMesh) -> pyvista.PolyData:
    return pyvista.PolyData.from_regular_faces(mesh.points, mesh.triangles)


def _in_space(values: np.ndarray) -> np.ndarray:
    """Vectors (n, dim) as (n, 3); a plane is at y = 0."""
    if values.shape[1] == 3:
        return values
    return np.stack([values[:, 0], np.zeros_like(values[:, 0]), values[:, 1]], axis=-1)
