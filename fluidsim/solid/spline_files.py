"""Splines in files, and as figures that stand where a scene wants them."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from fluidsim.files import write_json
from fluidsim.solid.shapes import Shape, Vector
from fluidsim.solid.splines import (
    ClosedCurve,
    ClosedSurface,
    Extruded,
    Revolved,
    SplineArea,
    SplineSolid,
)

__all__ = ["SplineFigure", "SplineFile", "read", "write"]

LARGEST = 10**7  # bytes of a file
LOOKS = 2**12  # places at which the extent of a curve is looked for (128 x 128 of a surface)


@dataclass(frozen=True, eq=False)
class SplineFile:
    """What a file of a spline holds.

    Parameters
    ----------
    spline : ClosedCurve or ClosedSurface
        The boundary.
    extruded : float, optional
        How wide a curve is drawn out along y, in its own units.
    revolved : bool
        Whether a curve is turned about the axis where its first coordinate is 0.

    Raises
    ------
    ValueError
        Unless a curve is either extruded or revolved, and a surface neither.
    """

    spline: ClosedCurve | ClosedSurface
    extruded: float | None = None
    revolved: bool = False

    def __post_init__(self) -> None:
        ways = (self.extruded is not None) + self.revolved
        if ways != isinstance(self.spline, ClosedCurve):
            raise ValueError('a curve is either "extruded" or "revolved" in 3D, a surface neither')
        if self.extruded is not None and not 0 < self.extruded < math.inf:
            raise ValueError(f'"extruded" must be a positive width, not {self.extruded}')


@dataclass(frozen=True)
class SplineFigure(Shape):
    """The spline of a file, standing on its base; in 2D its slice, as of `Mesh`.

    Parameters
    ----------
    path : str or PathLike
        A JSON file: see `read`.
    base : tuple of dim floats
        The middle below its bounding box, m; of one that is revolved, the foot of its axis.
    height : float
        Height of the bounding box, m.
    turn : float
        Turn about the up axis, rad; counter-clockwise from above. In 2D a curve that is turned by
        more than a right angle looks the other way.
    up : str
        The axis that points up in a surface's file, "z" or "y"; of a curve it is the second one.

    Raises
    ------
    ValueError
        If the height is not positive, `up` is another axis, or the file does not hold a spline.
    OSError
        If the file cannot be opened.
    """

    path: str | os.PathLike[str]
    base: Vector
    height: float
    turn: float = 0.0
    up: str = "z"
    _shape: ClassVar[Shape]  # of this object

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.height > 0:
            raise ValueError(f"the height of a spline must be positive, not {self.height}")
        if self.up not in ("y", "z"):
            raise ValueError(f"up must be y or z, not {self.up}")
        file = read(self.path)
        spline = file.spline
        if isinstance(spline, ClosedSurface):
            shape = self._solid(spline)
        else:
            shape = self._swept(spline, file)
        object.__setattr__(self, "_shape", shape)

    def distance(self, points: Tensor) -> Tensor:
        return self._shape.distance(points)

    def _swept(self, curve: ClosedCurve, file: SplineFile) -> Shape:
        flat = len(self.base) == 2
        low, high = _extent(curve)
        scale = self.height / float(high[1] - low[1])
        mirrored = flat and math.cos(self.turn) < 0
        middle = 0.0 if file.revolved else float(low[0] + high[0]) / 2
        start = (0.0, 0.0) if file.revolved else (self.base[0], self.base[-1])
        places = (curve.control_points - torch.tensor((middle, float(low[1])))) * scale
        places = places * torch.tensor((-1.0 if mirrored else 1.0, 1.0)) + torch.tensor(start)
        area = SplineArea(dataclasses.replace(curve, control_points=places))
        if file.revolved:
            return Revolved(area, self.base)
        assert file.extruded is not None
        if flat:
            return area
        half = file.extruded * scale / 2
        whole = Extruded(area, self.base[1] - half, self.base[1] + half)
        return whole.rotated(self.turn, self.base, (0.0, 0.0, 1.0)) if self.turn else whole

    def _solid(self, surface: ClosedSurface) -> Shape:
        places = surface.control_points
        if self.up == "y":
            places = places[..., [0, 2, 1]] * torch.tensor((1.0, -1.0, 1.0))
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        turn = torch.tensor(((cos, sin, 0), (-sin, cos, 0), (0, 0, 1)), dtype=torch.float64)
        turned = dataclasses.replace(surface, control_points=places @ turn)
        low, high = _extent(turned)
        scale = self.height / float(high[2] - low[2])
        foot = torch.stack((*((low + high) / 2)[:2], low[2]))
        base = self.base if len(self.base) == 3 else (self.base[0], 0.0, self.base[1])
        placed = (turned.control_points - foot) * scale + torch.tensor(base, dtype=torch.float64)
        return SplineSolid(dataclasses.replace(turned, control_points=placed))


def read(path: str | os.PathLike[str]) -> SplineFile:
    """Read the spline of a file.

    Parameters
    ----------
    path : str or PathLike
        A JSON file: ``{"curve": {...}, "extruded": 0.5}``, ``{"curve": {...}, "revolved": true}``
        or ``{"surface": {...}}``, where ``...`` are the arguments of `ClosedCurve` or
        `ClosedSurface` by name, as numbers and lists.

    Returns
    -------
    SplineFile

    Raises
    ------
    ValueError
        One line that names the file, if it holds no such spline.
    OSError
        If it cannot be opened.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no spline file {path}")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path}: larger than {LARGEST} bytes")
    try:
        return _described(json.loads(path.read_text(encoding="utf-8")))
    except RecursionError:
        raise ValueError(f"{path}: its brackets are nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not a file of JSON: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a file of JSON") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write(path: str | os.PathLike[str], file: SplineFile) -> None:
    """Write the spline of a file, as `read` reads it, bit for bit.

    Parameters
    ----------
    path : str or PathLike
        Where to; what is there is replaced.
    file : SplineFile
        The spline, and how it is swept.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    kind = "curve" if isinstance(file.spline, ClosedCurve) else "surface"
    values = {
        each.name: value.tolist() if isinstance(value, Tensor) else value
        for each in dataclasses.fields(file.spline)
        for value in (getattr(file.spline, each.name),)
    }
    said: dict[str, Any] = {kind: values}
    if kind == "curve":
        said |= {"revolved": True} if file.revolved else {"extruded": file.extruded}
    write_json(Path(path), said)


def _described(said: Any) -> SplineFile:
    kinds = {"curve": ClosedCurve, "surface": ClosedSurface}
    if not isinstance(said, dict) or len(said.keys() & kinds) != 1:
        raise ValueError('it must hold either a "curve" or a "surface"')
    if unknown := said.keys() - {*kinds, "extruded", "revolved"}:
        raise ValueError(f'it may not hold "{sorted(unknown)[0]}"')
    ((name, kind),) = ((name, kind) for name, kind in kinds.items() if name in said)
    values = said[name]
    known = {each.name for each in dataclasses.fields(kind)}
    if not isinstance(values, dict) or not {"control_points"} <= values.keys() <= known:
        raise ValueError(f'its {name} needs "control_points" and may have {", ".join(known)}')
    width, revolved = said.get("extruded"), said.get("revolved", False)
    if not isinstance(revolved, bool) or not isinstance(values.get("ring", False), bool):
        raise ValueError('"revolved" and "ring" must be true or false')
    if width is not None and (isinstance(width, bool) or not isinstance(width, (int, float))):
        raise ValueError(f'"extruded" must be a positive width, not {width}')
    return SplineFile(kind(**values), width, revolved)


def _extent(spline: ClosedCurve | ClosedSurface) -> tuple[Tensor, Tensor]:
    """The lowest and highest corners of the bounding box."""
    if isinstance(spline, ClosedCurve):
        first, last = spline.span
        places = spline.at(torch.linspace(first, last, LOOKS, dtype=torch.float64))
    else:
        side = [
            torch.linspace(float(knots[0]), float(knots[-1]), 2 * math.isqrt(LOOKS) + 1)
            for knots in (spline.around_knots, spline.along_knots)
        ]
        places = spline.at(*torch.meshgrid(*side, indexing="ij")).reshape(-1, 3)
    return places.amin(0), places.amax(0)
