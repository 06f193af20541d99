# pyright: reportAttributeAccessIssue=false
"""The frames of an animated mesh from the time samples of a USD file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fluidsim.errors import SimulationError
from fluidsim.solid.polygons import Polygons

SUFFIXES = (".usd", ".usda", ".usdc")
EVEN = 1e-6  # of the spacing of time samples: how far they may be off


class UsdFrames(NamedTuple):
    """frames: one a time sample, in metres. names: of each, for what is said of it. rate: frames a
    second."""

    frames: list[Polygons]
    names: list[str]
    rate: float


def usd_frames(path: Path) -> UsdFrames:
    """Read the only mesh of a USD file at each of its time samples, where its transforms put it.

    Raises ValueError with one line if there is no such mesh, or its samples are not evenly spaced;
    SimulationError without usd-core.
    """
    try:
        from pxr import Tf, Usd, UsdGeom  # here: most scenes have no USD file
    except ImportError as error:
        raise SimulationError('USD needs usd-core: pip install "fluidsim-lab[usd]"') from error
    try:
        stage = Usd.Stage.Open(str(path))
    except Tf.ErrorException as error:
        raise ValueError(f"{path}: cannot be read as USD") from error
    meshes = [UsdGeom.Mesh(each) for each in stage.Traverse() if each.IsA(UsdGeom.Mesh)]
    if len(meshes) != 1:
        raise ValueError(f"{path}: an animation needs one mesh, this file has {len(meshes)}")
    mesh, scale = meshes[0], UsdGeom.GetStageMetersPerUnit(stage)
    times = mesh.GetPointsAttr().GetTimeSamples()
    if len(times) < 2:
        raise ValueError(f"{path}: an animation needs two or more time samples, not {len(times)}")
    steps = np.diff(times)
    if np.ptp(steps) > EVEN * steps[0]:
        raise ValueError(f"{path}: the time samples of its mesh are not evenly spaced")
    frames, names = [], [f"{path} at time code {time:g}" for time in times]
    for time, name in zip(times, names, strict=True):
        matrix = np.array(UsdGeom.XformCache(time).GetLocalToWorldTransform(mesh.GetPrim()))
        points = np.asarray(mesh.GetPointsAttr().Get(time), float).reshape(-1, 3)
        places = (points @ matrix[:3, :3] + matrix[3, :3]) * scale
        counts = np.asarray(mesh.GetFaceVertexCountsAttr().Get(time), np.int64)
        corners = np.asarray(mesh.GetFaceVertexIndicesAttr().Get(time), np.int64)
        polygons = Polygons(places, counts, corners)
        try:
            polygons.check()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        frames.append(polygons)
    return UsdFrames(frames, names, stage.GetTimeCodesPerSecond() / float(steps[0]))
