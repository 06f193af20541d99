"""The point of view of a 3D picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# From the scene to the eye: a three-quarter view. The far corner of a tank of water shows totally
# reflected light; from farther to the left the edge of that light would show as a wedge.
_DIRECTION = np.array((0.602, -0.723, 0.339))
LOW = np.array((0.42, -0.88, 0.16))  # for smoke, which towers


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; the last axis points up in its picture.

    Parameters
    ----------
    eye, look_at : (x, y, z)
        Where it stands and a point at the centre of the picture, m.
    field_of_view : float
        Vertical angle of the picture, 1 to 150 degrees.

    Raises
    ------
    ValueError
        If it would look straight up or down or at its own place, or if the angle is out of range.
    """

    eye: tuple[float, float, float]
    look_at: tuple[float, float, float]
    field_of_view: float = 28.0

    def __post_init__(self) -> None:
        across = np.hypot(self.look_at[0] - self.eye[0], self.look_at[1] - self.eye[1])
        if not across > 1e-6 * np.linalg.norm(np.subtract(self.look_at, self.eye)):
            raise ValueError("the camera must not look straight up or down, or at its own place")
        if not 1 <= self.field_of_view <= 150:
            raise ValueError(
                f"the field of view must be 1 to 150 degrees, not {self.field_of_view:g}"
            )

    @classmethod
    def framing(
        cls,
        extent: tuple[float, ...],
        aspect: float = 16 / 9,
        fill: float = 0.98,
        direction: np.ndarray = _DIRECTION,
        field_of_view: float = 28.0,
    ) -> Camera:
        """Return the camera whose picture shows the box [0, extent], centred.

        Parameters
        ----------
        extent : tuple of 3 float
            Sides of the box, m.
        aspect : float
            Width / height of the picture.
        fill : float
            Part of the picture's width or height, whichever is tighter, that the box takes.
        direction : array of 3
            From the box to the eye, of any length; by default a three-quarter view.
        field_of_view : float
            Vertical angle of the picture, degrees.

        Returns
        -------
        Camera
        """
        corners = np.stack(np.meshgrid(*[(0.0, side) for side in extent], indexing="ij"), -1)
        corners = corners.reshape(-1, 3)
        toward = direction / np.linalg.norm(direction)
        target = np.asarray(extent) / 2
        distance = 2 * float(np.linalg.norm(extent))
        camera = cls(tuple(target + distance * toward), tuple(target), field_of_view)
        for _ in range(8):  # a fixed point because of perspective; a few rounds reach it
            seen = camera.project(corners, aspect)
            middle = (seen.max(0) + seen.min(0)) / 2
            distance *= float((seen.max(0) - seen.min(0)).max() / (2 * fill))
            _, right, up = camera.axes()
            target = target + distance * (middle[0] * aspect * right + middle[1] * up) * np.tan(
                np.radians(field_of_view) / 2
            )
            camera = replace(camera, eye=tuple(target + distance * toward), look_at=tuple(target))
        return camera

    @property
    def distance(self) -> float:
        """Metres from the eye to the point that it looks at."""
        return float(np.linalg.norm(np.subtract(self.look_at, self.eye)))

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors forward, right and up."""
        forward = np.subtract(self.look_at, self.eye)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return forward, right, np.cross(right, forward)

    def project(self, points: np.ndarray, aspect: float) -> np.ndarray:
        """Places (n, 2) of points (n, 3) on the picture, from (-1, -1) lower left to (1, 1)."""
        forward, right, up = self.axes()
        offset = np.asarray(points) - self.eye
        height = offset @ forward * np.tan(np.radians(self.field_of_view) / 2)
        return np.stack([offset @ right / (height * aspect), offset @ up / height], -1)

    def scaled(self, factor: float) -> Camera:
        """The same view of the scene enlarged by `factor`."""
        eye, look_at = (tuple(factor * np.asarray(point)) for point in (self.eye, self.look_at))
        return replace(self, eye=eye, look_at=look_at)


def default_camera(kind: str, extent: tuple[float, ...], aspect: float) -> Camera:
    """Return the usual view of a 3D domain: from above, or from low down for smoke, which towers.

    Parameters
    ----------
    kind : "liquid" or "smoke"
    extent : tuple of 3 float
        Sides of the domain, m.
    aspect : float
        Width / height of the picture.

    Returns
    -------
    Camera
        One whose picture the domain fills.
    """
    if kind == "smoke":
        return Camera.framing(extent, aspect, direction=LOW)
    return Camera.framing(extent, aspect)
